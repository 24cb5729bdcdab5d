"""Transcripts as tools write them: the same words are planted in each kind and looked for."""

import json
import math

import pytest

from mien.errors import InputError
from mien.perceive.formats import read_cues
from mien.perceive.formats.cue import Spoken, seconds, timed_words
from mien.perceive.transcript import read_transcript

HAPPY, DARE = "I am so happy to see you all!", "How dare you say that to me?"
TIMES = [(0.2, 2.3), (3.2, 4.4)]

SRT = f"1\n00:00:00,200 --> 00:00:02,300\n{HAPPY}\n\n2\n00:00:03,200 --> 00:00:04,400\n{DARE}\n"
VTT = f"WEBVTT\n\n00:00.200 --> 00:02.300\n{HAPPY}\n\n00:03.200 --> 00:04.400\n{DARE}\n"
ASS = f"""[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Comment: 0,0:00:00.00,0:00:09.00,Default,,0,0,0,,not said
Dialogue: 0,0:00:00.20,0:00:02.30,Default,,0,0,0,,{{\\i1}}I am{{\\i0}} so happy\\Nto see you all!
Dialogue: 0,0:00:03.20,0:00:04.40,Default,,0,0,0,,{DARE}
"""
SSA = f"""[Script Info]
ScriptType: v4.00

[V4 Styles]
Format: Name, Fontname
Style: Default,Arial

[Events]
Format: Marked, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: Marked=0,0:00:00.20,0:00:02.30,Default,,0,0,0,,{HAPPY}
Dialogue: Marked=0,0:00:03.20,0:00:04.40,Default,,0,0,0,,{DARE}
"""


def ttml(one, two, root="", body=""):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tt xmlns="http://www.w3.org/ns/ttml" '
        f'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" xml:lang="en" {root}><head>'
        f"<styling/></head><body {body}><div><p {one}>I am so happy<br/>to see <span>you</span> "
        f"all!</p><p {two}>{DARE}</p></div></body></tt>"
    )


FRAMES = 'ttp:frameRate="25"'
TEXTS = {
    "a.srt": SRT,
    "crlf.srt": SRT.replace("\n", "\r\n"),
    "mark.srt": "\ufeff" + SRT,
    "no_numbers.srt": SRT.replace("\n\n2\n", "\n\n").replace("1\n00", "00"),
    "no_blank_rows.srt": SRT.replace("\n\n", "\n"),
    "points.srt": SRT.replace(",", "."),
    "short_hours.srt": SRT.replace("00:00:0", "0:00:0"),
    "positions.srt": SRT.replace("02,300", "02,300  X1:100 X2:200 Y1:10 Y2:20"),
    "blank_in_cue.srt": SRT.replace("happy to", "happy\n\nto"),
    "named_srt.txt": SRT,
    "a.vtt": VTT,
    "settings.vtt": VTT.replace("02.300", "02.300 align:start position:0% line:90%"),
    "hours.vtt": VTT.replace("00:0", "00:00:0"),
    "named_vtt.srt": VTT,
    "a.ass": ASS,
    "a.ssa": SSA,
    "clock.ttml": ttml('begin="00:00:00.200" end="00:00:02.300"',
                       'begin="00:00:03.200" end="00:00:04.400"'),
    "offset.dfxp": ttml('begin="0.2s" end="2300ms"', 'begin="3.2s" dur="1.2s"'),
    "frames.ttml": ttml('begin="00:00:00:05" end="57.5f"', 'begin="80f" end="110f"', FRAMES),
    "ticks.ttml": ttml('begin="2000000t" end="23000000t"', 'begin="32000000t" end="44000000t"',
                       'ttp:tickRate="10000000"'),
    "nested.ttml": ttml('begin="0s" end="2.1s"', 'begin="3s" end="4.2s"', body='begin="0.2s"'),
    "old.xml": ttml('begin="0.2s" end="2.3s"', 'begin="3.2s" end="4.4s"').replace(
        "http://www.w3.org/ns/ttml", "http://www.w3.org/2006/10/ttaf1"),
    "spans.ttml": '<tt xmlns="http://www.w3.org/ns/ttml"><body><div><p>'
        f'<span begin="0.2s" end="2.3s">{HAPPY}</span> <span begin="3.2s" end="4.4s">{DARE}</span>'
        "</p></div></body></tt>",
    "srv1.xml": f'<?xml version="1.0"?><transcript><text start="0.2" dur="2.1">{HAPPY}</text>'
        f'<text start="3.2" dur="1.2">{DARE}</text></transcript>',
    "a.srv3": f'<?xml version="1.0"?><timedtext format="3"><body><p t="200" d="2100"><s>I am </s>'
        f'<s t="300">so happy to see you all!</s></p><p t="3200" d="1200">{DARE}</p></body>'
        "</timedtext>",
    "a.sbv": f"0:00:00.200,0:00:02.300\n{HAPPY}\n\n0:00:03.200,0:00:04.400\n{DARE}\n",
    "a.sub": f"{{1}}{{1}}10\n{{2}}{{23}}{HAPPY}\n{{32}}{{44}}{{y:i}}{DARE}\n",
    "a.mpl": f"[2][23]{HAPPY}\n[32][44]/{DARE}\n",
    "console.txt": f"[00:00.200 --> 00:02.300]  {HAPPY}\n[00:03.200 --> 00:04.400]  {DARE}\n",
    "labels.txt": f"0.200000\t2.300000\t{HAPPY}\n3.200000\t4.400000\t{DARE}\n",
    "whisper.tsv": f"start\tend\ttext\n200\t2300\t{HAPPY}\n3200\t4400\t{DARE}\n",
    "a.csv": f'Start Time,End Time,Text\n0:00.2,0:02.3,"{HAPPY}"\n0:03.2,0:04.4,{DARE}\n',
    "semicolons.csv": f"begin;end;sentence\n0.2;2.3;{HAPPY}\n3.2;4.4;{DARE}\n",
    "elan.txt": f"Ann\t\t00:00:00.200\t0.2\t00:00:02.300\t2.3\t{HAPPY}\n"
    f"Ann\t\t00:00:03.200\t3.2\t00:00:04.400\t4.4\t{DARE}\n",
    "a.stm": f"talk 1 unknown 0.20 2.30 <o,f0> {HAPPY}\ntalk 1 unknown 3.20 4.40 <o> {DARE}\n",
}  # fmt: skip


def value(**more):
    said = zip(TIMES, (HAPPY, DARE), strict=True)
    return {"segments": [{"start": s, "end": e, "text": f" {t}"} for (s, e), t in said], **more}


JSONS = {
    "whisper": value(text=f"{HAPPY} {DARE}", language="en"),
    "list": value()["segments"],
    "podcast": {"version": "1.0.0", "segments": [
        {"startTime": s, "endTime": e, "body": t, "speaker": "Ann"}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
    "premiere": {"language": "en-us", "speakers": [{"id": "x1", "name": "Ann"}], "segments": [
        {"start": s, "duration": e - s, "speaker": "x1", "words": [
            {"text": w, "start": s + 0.1 * i, "duration": 0.1, "confidence": 0.9, "type": "word"}
            for i, w in enumerate(t.split())]}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
    "whisper_cpp": {"systeminfo": "", "transcription": [
        {"timestamps": {}, "offsets": {"from": s * 1000, "to": e * 1000}, "text": f" {t}"}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
    "transformers": {"text": "", "chunks": [
        {"timestamp": [s, e], "text": f" {t}"}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
    "json3": {"wireMagic": "pb3", "events": [
        {"tStartMs": 0, "dDurationMs": 9000, "id": 1, "wpWinPosId": 1},
        *({"tStartMs": s * 1000, "dDurationMs": (e - s) * 1000,
           "segs": [{"utf8": t[:5]}, {"utf8": t[5:], "tOffsetMs": 100}]}
          for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True))]},
    "deepgram": {"metadata": {}, "results": {"channels": [{}], "utterances": [
        {"start": s, "end": e, "transcript": t, "confidence": 0.9, "speaker": 0}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]}},
    "assembly": {"audio_url": "x", "utterances": [
        {"start": int(s * 1000), "end": int(e * 1000), "text": t, "speaker": "A", "words": []}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
    "azure": {"recognizedPhrases": [
        {"offsetInTicks": s * 1e7, "durationInTicks": (e - s) * 1e7, "speaker": 1,
         "nBest": [{"confidence": 0.9, "display": t}]}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
    "pysubs2": {"info": {}, "events": [
        {"type": "Dialogue", "start": int(s * 1000), "end": int(e * 1000), "text": t, "name": ""}
        for (s, e), t in zip(TIMES, (HAPPY, DARE), strict=True)]},
}  # fmt: skip


def words():
    """Every word of both lines with its time, as services give them."""
    for (start, end), text in zip(TIMES, (HAPPY, DARE), strict=True):
        each = text.split()
        step = (end - start) / len(each)
        for i, word in enumerate(each):
            yield word, round(start + step * i, 4), round(start + step * (i + 1), 4)


WORDS = {
    "words": {"words": [{"word": w, "start": s, "end": e} for w, s, e in words()]},
    "vosk": {"text": "", "result": [
        {"conf": 0.9, "start": s, "end": e, "word": w} for w, s, e in words()]},
    "amazon": {"jobName": "x", "results": {"transcripts": [], "items": [
        {"type": "pronunciation", "start_time": str(s), "end_time": str(e),
         "speaker_label": "spk_0", "alternatives": [{"confidence": "0.9", "content": w}]}
        for w, s, e in words()]}},
    "google": {"results": [{"alternatives": [{"transcript": "", "words": [
        {"startTime": f"{s}s", "endTime": f"{e}s", "word": w} for w, s, e in words()]}]}]},
    "speechmatics": {"format": "2.9", "results": [
        {"type": "word", "start_time": s, "end_time": e,
         "alternatives": [{"content": w, "confidence": 0.9, "speaker": "S1"}]}
        for w, s, e in words()]},
    "rev": {"monologues": [{"speaker": 0, "elements": [
        {"type": "text", "value": w, "ts": s, "end_ts": e, "confidence": 0.9}
        for w, s, e in words()]}]},
    "deepgram_words": {"results": {"channels": [{"alternatives": [{"transcript": "", "words": [
        {"word": w.lower(), "punctuated_word": w, "start": s, "end": e, "confidence": 0.9}
        for w, s, e in words()]}]}]}},
    "transformers_words": {"text": "", "chunks": [
        {"timestamp": [s, e], "text": f" {w}"} for w, s, e in words()]},
}  # fmt: skip


def found(path):
    written = read_transcript(path, 10.0)
    assert written.warnings == ()
    return [
        (round(line.segment.start, 3), round(line.segment.end, 3), line.text)
        for line in written.transcript.lines
    ]


BOTH = [(*time, text) for time, text in zip(TIMES, (HAPPY, DARE), strict=True)]


@pytest.mark.parametrize("name", TEXTS)
def test_every_kind_of_text_gives_the_words_and_their_times(name, tmp_path):
    path = tmp_path / name
    path.write_bytes(TEXTS[name].encode())
    assert found(path) == BOTH


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_every_encoding_gives_the_words(encoding, tmp_path):
    path = tmp_path / "a.srt"
    path.write_bytes(SRT.replace("happy", "h\u00e4ppy").encode(encoding))
    assert found(path)[0][2] == HAPPY.replace("happy", "h\u00e4ppy")


@pytest.mark.parametrize("name", JSONS)
def test_every_shape_of_json_gives_the_lines(name, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(JSONS[name]))
    assert found(path) == BOTH


@pytest.mark.parametrize("name", WORDS)
def test_words_become_lines_with_the_times_of_each_word(name, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(WORDS[name], indent=1))
    assert found(path) == BOTH
    line = read_transcript(path, 10.0).transcript.lines[0]
    assert [(w.text, w.segment.start, w.segment.end) for w in line.words] == list(words())[:8]


def test_words_a_row_become_lines(tmp_path):
    path = tmp_path / "a.ctm"
    rows = [f"talk 1 {s:.2f} {e - s:.2f} {w} 0.5" for w, s, e in words()]
    path.write_text(";; a comment\n" + "\n".join(rows))
    first, second = read_transcript(path, 10.0).transcript.lines
    assert (first.text, second.text) == (HAPPY, DARE)
    assert first.confidence == pytest.approx(0.5)


def test_song_texts_last_until_the_next_line(tmp_path):
    path = tmp_path / "a.lrc"
    path.write_text(f"[ar:Somebody]\n[00:00.20]{HAPPY}\n[00:02.30]\n[00:03.20]{DARE}\n")
    assert found(path) == [(0.2, 2.3, HAPPY), (3.2, 7.2, DARE)]
    path.write_text(f"[00:00:20]<00:00.20>{HAPPY}\n[00:03:20][00:08:20]{DARE}\n")
    assert found(path) == [(0.2, 3.2, HAPPY), (3.2, 7.2, DARE), (8.2, 12.2, DARE)]


def test_sami_lasts_until_the_next_sync_in_english(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text(
        f"<SAMI><BODY><SYNC Start=200><P Class=KRCC>\uc548\ub155<SYNC Start=200><P Class=ENCC>"
        f"I am <b>so</b> happy<br>to see you all!<SYNC Start=2300><P Class=ENCC>&nbsp;"
        f"<SYNC Start=3200><P Class=ENCC>{DARE}<SYNC Start=4400><P Class=ENCC>&nbsp;</BODY></SAMI>"
    )
    assert found(path) == BOTH


def test_tmp_is_read_by_pysubs2(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(f"00:00:01:{HAPPY}\n00:00:05:{DARE}\n")
    assert [(row[0], row[2]) for row in found(path)] == [(1.0, HAPPY), (5.0, DARE)]


PARAGRAPHS = {
    "otter": f"Ann Lee  0:01  \n{HAPPY}\n\nBob Smith  0:04  \n{DARE}\n",
    "rev": f"Ann Lee (00:01):\n{HAPPY}\n\nBob Smith (00:04):\n{DARE}\n",
    "descript": f"[00:00:01] Ann Lee: {HAPPY}\n\n[00:00:04] Bob Smith: {DARE}\n",
    "teams": "A meeting\nJanuary 5, 10:00AM\n30m\n\nAnn Lee started transcription\n\n"
    f"Ann Lee   0:01\n{HAPPY}\n\nBob Smith   0:04\n{DARE}\n\nAnn Lee   0:09\nYes.\n",
    "premiere": f"00:00:01:00 - 00:00:04:00\nAnn Lee\n{HAPPY}\n\n00:00:04:00 - 00:00:08:00\n"
    f"Bob Smith\n{DARE}\n",
}


@pytest.mark.parametrize("tool", PARAGRAPHS)
def test_paragraphs_under_a_name_and_a_time(tool, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(PARAGRAPHS[tool])
    lines = read_transcript(path, 10.0).transcript.lines[:2]
    assert [(li.segment.start, li.speaker, li.text) for li in lines] == [
        (1.0, "Ann Lee", HAPPY), (4.0, "Bob Smith", DARE)
    ]  # fmt: skip
    assert lines[0].segment.end == 4.0


@pytest.mark.parametrize("mark", ["[00:00:{}]", "[0:{}]", "(00:{})", "00:00:{}", "00:00:{}.500 -"])
def test_a_time_before_each_row(mark, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(f"{mark.format('01')} {HAPPY}\n{mark.format('04')} {DARE}\n")
    assert [(int(row[0]), row[2]) for row in found(path)] == [(1, HAPPY), (4, DARE)]


def test_times_alone_above_the_words_as_copied_from_a_video_platform(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(f"0:01\n{HAPPY}\n0:04\n{DARE}\n")
    assert [(row[0], row[2]) for row in found(path)] == [(1.0, HAPPY), (4.0, DARE)]


@pytest.mark.parametrize(
    "text",
    [
        "We met at 10:30.\nIt was fun at 11:45.",
        "One thing: I love it.\nRemember: stay calm.",
        "I said <i>no</i> & left.",
        "[laughs] It is (really) good!\nYes.",
        "1984 was a good year.\n2001 was not.",
        "{maybe} I am happy",
        "<3 you all",
        "<laughs> I am so happy",
        "PG-13 is what it says.",
        "ID3 is a tag, I love it.",
        "From: Ann, with love.",
        "from here on I am happy",
        "[1] A note that I love.",
        "{ I am happy }",
    ],
)
def test_plain_words_stay_plain(text, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(text)
    written = read_transcript(path, 7.0)
    (line,) = written.transcript.lines
    assert (line.segment.start, line.segment.end) == (0.0, 7.0)
    assert line.speaker is None
    assert len(line.text) > 0.6 * len(text) - 10


# --- Whisper and WhisperX ------------------------------------------------------------------------


def test_words_of_whisper_keep_times_and_confidences(tmp_path):
    said = [{"word": f" {w}", "start": s, "end": e, "probability": 0.5} for w, s, e in words()]
    value = {
        "language": "en",
        "segments": [
            {"start": 0.2, "end": 2.3, "text": f" {HAPPY}", "avg_logprob": -0.25,
             "no_speech_prob": 0.02, "words": said[:8]},
            {"start": 3.2, "end": 4.4, "text": f" {DARE}", "avg_logprob": -0.5},
        ],
    }  # fmt: skip
    path = tmp_path / "whisper.json"
    path.write_text(json.dumps(value))
    first, second = read_transcript(path, 10.0).transcript.lines
    assert [w.text for w in first.words] == HAPPY.split()
    assert first.confidence == pytest.approx(0.5)
    assert (first.avg_logprob, first.no_speech_prob) == (-0.25, 0.02)
    assert second.confidence == pytest.approx(math.exp(-0.5))
    assert second.words == ()


def test_whisperx_has_speakers_and_words_without_times(tmp_path):
    each = [{"word": w, "start": s, "end": e, "score": 0.8} for w, s, e in words()]
    each[3] = {"word": "2014."}
    value = {
        "segments": [
            {"start": 0.2, "end": 2.3, "text": HAPPY.replace("happy", "2014."), "words": each[:8],
             "speaker": "SPEAKER_00"},
            {"start": 3.2, "end": 4.4, "text": DARE, "words": each[8:], "speaker": "SPEAKER_01"},
        ],
        "word_segments": each,
    }  # fmt: skip
    path = tmp_path / "whisperx.json"
    path.write_text(json.dumps(value))
    transcript = read_transcript(path, 10.0).transcript
    assert transcript.speakers == ("SPEAKER_00", "SPEAKER_01")
    number = transcript.lines[0].words[3]
    assert number.text == "2014."
    assert transcript.lines[0].words[2].segment.end == number.segment.start
    assert number.segment.end == transcript.lines[0].words[4].segment.start


def test_words_beside_the_segments_are_shared_out(tmp_path):
    path = tmp_path / "openai.json"
    each = [{"word": w, "start": s, "end": e} for w, s, e in words()]
    path.write_text(json.dumps(value(task="transcribe", words=each)))
    first, second = read_transcript(path, 10.0).transcript.lines
    assert [w.text for w in first.words] == HAPPY.split()
    assert [w.text for w in second.words] == DARE.split()


def test_a_word_without_a_time_lies_between_its_neighbours():
    nan = math.nan
    said = [Spoken("a", nan, nan), Spoken("b", 2.0, 3.0), Spoken("c", nan, nan)]
    times = [(w.segment.start, w.segment.end) for w in timed_words(said, 1.0, 4.0)]
    assert times == [(1.0, 2.0), (2.0, 3.0), (3.0, 4.0)]


def test_a_json_of_mien_keeps_who_spoke_and_how_sure_it_was(tmp_path):
    line = {
        "segment": [0.2, 2.3],
        "text": HAPPY,
        "confidence": 0.7,
        "speaker": "Ann",
        "words": [
            {"text": w, "segment": [s, e], "confidence": 0.7} for w, s, e in list(words())[:8]
        ],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(
        {"schema": "mien.analysis/2", "segments": [[0, 9]], "transcript": {"lines": [line]}}
    ))  # fmt: skip
    (said,) = read_transcript(path, 10.0).transcript.lines
    assert (said.text, said.confidence, said.speaker) == (HAPPY, 0.7, "Ann")
    assert len(said.words) == 8


def test_a_text_in_json_without_times_spans_the_clip(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"text": f"{HAPPY} {DARE}", "language": "en"}))
    assert found(path) == [(0.0, 10.0, f"{HAPPY} {DARE}")]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_whole_numbers_are_milliseconds_only_where_rows_last_hundreds(name, tmp_path):
    mark = "\t" if name == "a.tsv" else ","
    path = tmp_path / name
    path.write_text("start,end,text\n1,3,Yes\n".replace(",", mark))
    assert found(path) == [(1.0, 3.0, "Yes")]
    path.write_text(
        "\n".join(mark.join(r) for r in (("start", "end", "text"), ("0", "980", "Yes")))
    )
    assert found(path) == [(0.0, 0.98, "Yes")]


def test_ttml_in_sequence_without_ends_and_from_the_start_as_apple_counts(tmp_path):
    head = '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:itunes="http://music.apple.com/lyric">'
    path = tmp_path / "a.ttml"
    path.write_text(
        f'{head}<body timeContainer="seq"><div timeContainer="seq"><p dur="2s">One</p>'
        '<p dur="3s">Two</p></div><div><p dur="1s">Three</p></div></body></tt>'
    )
    assert found(path) == [(0.0, 2.0, "One"), (2.0, 5.0, "Two"), (5.0, 6.0, "Three")]
    path.write_text(
        f'{head}<body><div><p begin="1s">One</p><p begin="3s">Two</p></div></body></tt>'
    )
    assert found(path) == [(1.0, 3.0, "One"), (3.0, 7.0, "Two")]
    path.write_text(
        f'{head}<body><div begin="1.0" end="9.0"><p begin="1.5" end="2.5" itunes:key="L1">'
        f'<span begin="1.5" end="2">Hel</span><span begin="2" end="2.5">lo</span></p>'
        "</div></body></tt>"
    )
    assert found(path) == [(1.5, 2.5, "Hello")]


def test_speakers_of_services_have_names(tmp_path):
    wanted = {"podcast": "Ann", "premiere": "Ann", "deepgram": "Speaker 0", "azure": "Speaker 1",
              "assembly": "A"}  # fmt: skip
    path = tmp_path / "a.json"
    for name, who in wanted.items():
        path.write_text(json.dumps(JSONS[name]))
        assert read_transcript(path, 10.0).transcript.speakers == (who,)


# --- tiers ---------------------------------------------------------------------------------------


def test_textgrid_and_elan_of_words_and_of_speakers(tmp_path):
    pympi = pytest.importorskip("pympi", reason="pympi-ling is not installed (extra 'export')")
    grid = pympi.TextGrid(xmax=10.0)
    tier, phones = grid.add_tier("Ann - words"), grid.add_tier("Ann - phones")
    for word, start, end in words():
        tier.add_interval(start, end, word)
        phones.add_interval(start, end, "AH")
    grid.to_file(str(tmp_path / "a.TextGrid"))
    assert [row[2] for row in found(tmp_path / "a.TextGrid")] == [HAPPY, DARE]

    document = pympi.Eaf()
    document.remove_tier("default")
    for who, (start, end), text in zip(("Ann", "Bob"), TIMES, (HAPPY, DARE), strict=True):
        document.add_tier(who)
        document.add_annotation(who, int(start * 1000), int(end * 1000), text)
    document.to_file(str(tmp_path / "a.eaf"))
    assert found(tmp_path / "a.eaf") == BOTH
    assert read_transcript(tmp_path / "a.eaf", 10.0).transcript.speakers == ("Ann", "Bob")


# --- refused -------------------------------------------------------------------------------------

REFUSED = {
    "a.docx": (b"PK\x03\x04broken", "ZIP"),
    "a.pdf": (b"%PDF-1.7\n%\xe2\xe3", "PDF"),
    "a.rtf": (rb"{\rtf1\ansi I am happy}", "RTF"),
    "a.doc": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "old Office"),
    "a.html": (b"<!DOCTYPE html><html><body><p>I am happy</p></body></html>", "HTML"),
    "page.txt": (b"\n<html><body><p>I am happy</p></body></html>", "HTML"),
    "part.html": (b"<p>I am happy</p><script>x</script>", "HTML"),
    "part.txt": (b"<p>I am happy</p>", "HTML"),
    "xhtml.xml": (b"<?xml version='1.0'?><html><body/></html>", "HTML"),
    "a.xml": (b"<?xml version='1.0'?><catalog><book>I am happy</book></catalog>", "<catalog>"),
    "a.fcpxml": (b"<?xml version='1.0'?><!DOCTYPE fcpxml><fcpxml version='1.9'/>", "Final Cut"),
    "cut.ttml": (b"<tt xmlns='http://www.w3.org/ns/ttml'><body><div><p begin=", "damaged"),
    "bomb.ttml": (b"<!DOCTYPE tt [<!ENTITY a 'aaaa'>]><tt><body>&a;</body></tt>", "entities"),
    "a.json": (b'{"mood": "happy", "notes": ["I am happy"]}', "'mood'"),
    "list.json": (b'["I am happy", "How dare you"]', "unknown shape"),
    "number.json": (b"42", "unknown shape"),
    "cut.json": (b'{"segments": [{"start": 0.2, "text": "I am', "damaged"),
    "json.txt": (b'{"mood": "happy"}', "'mood'"),
    "deep.json": (b"[" * 100_000, "JSON"),
    "a.bin": (bytes(range(256)) * 8, "binary"),
    "a.srt": (b"\x89PNG\r\n\x1a\n" + bytes(64), "PNG"),
    "talk.wav": (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "recording"),
    "talk.mp4": (bytes([0, 0, 0, 32]) + b"ftypisom" + bytes(40), "recording"),
    "a.sup": (b"PG" + bytes(64), "pictures"),
    "a.idx": (b"# VobSub index file, v7\n", "VobSub"),
    "a.scc": (b"Scenarist_SCC V1.0\n\n00:00:00:00\t9420 9420\n", "SCC"),
    "a.stl": (b"850STL25.01" + b" " * 1013, "EBU"),
    "a.rttm": (b"SPEAKER talk 1 0.20 2.10 <NA> <NA> ann <NA> <NA>\n", "RTTM"),
    "a.csv": (b"file,label\na.wav,joy\n", "unknown kind"),
    "a.yaml": (b"mood: happy\nnotes:\n  - I am happy\n", "unknown kind"),
    "a.py": (b"import os\nprint('I am happy')\n", "program"),
    "no_rate.sub": (b"{5}{57}I am happy\n{80}{110}No\n", "pictures per second"),
    "markup.txt": (b"I <b>am</b> <i>so</i> <u>happy</u> <p>to</p> <p>see</p> <p>you</p>", "markup"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_transcript_is_refused_by_its_name(name, tmp_path):
    content, said = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="Export it as one of these") as error:
        read_transcript(path, 10.0)
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_documents_are_told_apart_by_what_the_archive_holds(tmp_path):
    import zipfile

    for entry, said in (("word/document.xml", "DOCX"), ("xl/workbook.xml", "XLSX"),
                        ("content.xml", "ODT"), ("other.txt", "ZIP")):  # fmt: skip
        path = tmp_path / "a.docx"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(entry, "I am happy")
        with pytest.raises(InputError, match=said):
            read_cues(path)


def test_what_is_not_there_or_no_file_is_refused(tmp_path):
    for path in (tmp_path / "none.srt", tmp_path):
        with pytest.raises(InputError, match="no transcript at|not a regular file"):
            read_cues(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [("01:00:02,5", 3602.5), ("-0:01.25", -1.25), ("7", 7.0), ("1:02:03:04", None), ("x", None)],
)
def test_clocks(text, value):
    assert seconds(text) == value or (value is None and math.isnan(seconds(text)))
