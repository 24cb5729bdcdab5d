"""Files beside a recording: found whatever their names, checked before the pass, never the end."""

import wave

import numpy as np
import pytest

from mien.errors import InputError, OptionError
from mien.media import open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.fit import BEYOND, NEGATIVE, REVERSED, UNREADABLE, fitted
from mien.perceive.sidecar import subtitles_beside
from mien.perceive.transcript import find_written, read_transcript
from mien.report.export import export
from mien.report.transcript import write_transcript
from mien.scene import TRANSCRIPT, ClipFacts
from mien.timebase import Segment
from mien.words import Line, Transcript

SAID = ("I am so happy to see you all!", "How dare you say that to me?", "I'm terrified.")


def srt(times, said=SAID):
    def stamp(t):
        sign, t = ("-" if t < 0 else ""), abs(t)
        return f"{sign}{int(t // 3600):02}:{int(t // 60) % 60:02}:{t % 60:06.3f}".replace(".", ",")

    return "\n".join(
        f"{i}\n{stamp(a)} --> {stamp(b)}\n{text}\n"
        for i, ((a, b), text) in enumerate(zip(times, said, strict=False), 1)
    )


TIMES = [(0.2, 2.3), (3.2, 4.4), (5.3, 7.7)]


def facts(path, duration=8.0):
    return ClipFacts(str(path), "recording", duration, "wav", has_audio=True)


def wav(path, seconds=8.0):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(int(seconds * 16_000), np.int16).tobytes())
    return path


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "talk.srt", "talk.vtt", "talk.ass", "talk.ssa", "talk.ttml", "talk.dfxp", "talk.sbv",
        "talk.smi", "talk.lrc", "talk.SRT", "talk.Vtt", "TALK.srt", "talk.wav.srt",
        "talk.WAV.SRT", "talk.en.srt", "talk.en-US.srt", "talk.en_GB.vtt", "talk.EN.srt",
        "talk.eng.srt", "talk.english.srt", "talk.English.srt", "talk.en.sdh.srt", "talk.sdh.srt",
        "talk.cc.vtt", "talk.en-orig.vtt", "talk.wav.en.srt", "talk_en.srt", "talk-en.srt",
        "talk-en-US.srt",
    ],
)  # fmt: skip
def test_a_subtitle_file_of_the_same_name_is_found(name, tmp_path):
    (tmp_path / name).write_text(srt(TIMES))
    assert subtitles_beside(tmp_path / "talk.wav").own == (tmp_path / name,)


@pytest.mark.parametrize(
    "name", ["talk.de.srt", "talk.fr-CA.vtt", "talk.ger.srt", "talk.German.srt", "talk.v2.srt",
             "talk.corrected.srt", "talk.forced.srt", "talk.en.forced.srt", "talk.pt-BR.srt"]
)  # fmt: skip
def test_one_that_may_be_of_something_else_is_named(name, tmp_path):
    (tmp_path / name).write_text(srt(TIMES))
    written = find_written(facts(tmp_path / "talk.wav"), "auto", None)
    assert written.transcript is None
    (warning,) = written.warnings
    assert name in warning
    assert "--words" in warning


@pytest.mark.parametrize(
    "name", ["other.srt", "talking.srt", "talk2.srt", "talk", "talk.txt", "talk.json", "talk.wav",
             "talk 2.srt", "my talk.srt", "talk.mien.srt"]
)  # fmt: skip
def test_others_are_neither_read_nor_named(name, tmp_path):
    (tmp_path / name).write_text(srt(TIMES))
    found = subtitles_beside(tmp_path / "talk.wav")
    assert (found.own, found.others) == ((), ())


def test_a_version_that_has_a_recording_of_its_own_is_not_named(tmp_path):
    for name in ("talk.v2.srt", "talk.v2.wav", "talk.mp4", "talk.mp4.srt", "TALK.srt", "TALK.wav"):
        (tmp_path / name).write_text("x")
    found = subtitles_beside(tmp_path / "talk.wav")
    assert (found.own, found.others) == ((), ())
    assert subtitles_beside(tmp_path / "TALK.wav").own == (tmp_path / "TALK.srt",)


def test_a_folder_is_no_subtitle_and_accents_may_be_written_in_two_ways(tmp_path):
    (tmp_path / "talk.srt").mkdir()
    assert subtitles_beside(tmp_path / "talk.wav").own == ()
    (tmp_path / "cafe\u0301.srt").write_text(srt(TIMES))
    assert len(subtitles_beside(tmp_path / "caf\u00e9.wav").own) == 1


def test_the_order_in_which_they_are_tried(tmp_path):
    ordered = ("talk.srt", "talk.wav.srt", "talk.vtt", "talk.ass", "talk.en.srt", "talk.en-US.srt",
               "talk.en.vtt", "talk.sdh.srt", "talk.en.sdh.srt")  # fmt: skip
    for name in sorted(ordered):
        (tmp_path / name).write_text(srt(TIMES))
    assert [p.name for p in subtitles_beside(tmp_path / "talk.wav").own] == list(ordered)


def test_a_file_that_cannot_be_used_gives_way_to_the_next(tmp_path):
    (tmp_path / "talk.srt").write_text("only words\n")
    (tmp_path / "talk.vtt").write_bytes(b"%PDF-1.7")
    (tmp_path / "talk.en.srt").write_text(srt(TIMES))
    written = find_written(facts(tmp_path / "talk.wav"), "auto", None)
    assert [line.text for line in written.transcript.lines] == list(SAID)
    assert written.transcript.source == "sidecar"
    assert [name in w for name, w in zip(("talk.srt", "PDF"), written.warnings, strict=True)]


# --- mien's own ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["talk.srt", "talk.vtt"])
@pytest.mark.parametrize("how", ["transcript", "export"])
def test_what_mien_wrote_is_not_read_back_as_a_persons_words(name, how, tmp_path):
    value = analysis(tmp_path)
    if how == "transcript":
        write_transcript(value, tmp_path / name)
    else:
        export(value, tmp_path / name)
    written = find_written(facts(tmp_path / "talk.wav"), "auto", None)
    assert written.transcript is None
    (warning,) = written.warnings
    assert "says that mien wrote it" in warning
    assert f"--words {name}" in warning
    # Who names it means it.
    given = read_transcript(tmp_path / name, 8.0)
    arrow = "-->" if name.endswith("vtt") else "\u2192"
    assert [line.text for line in given.transcript.lines][-1].endswith(f"A < B & {arrow} C")
    assert any("says that mien wrote it" in w for w in given.warnings)


def test_a_persons_subtitles_are_read_where_miens_stand_beside_them(tmp_path):
    write_transcript(analysis(tmp_path), tmp_path / "talk.srt")
    (tmp_path / "talk.en.srt").write_text(srt(TIMES))
    written = find_written(facts(tmp_path / "talk.wav"), "auto", None)
    assert [line.text for line in written.transcript.lines] == list(SAID)


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.txt"])
def test_speakers_and_words_come_back_as_they_were_written(name, tmp_path):
    value = analysis(tmp_path)
    write_transcript(value, tmp_path / name)
    back = read_transcript(tmp_path / name, 8.0).transcript
    if name == "a.txt":
        assert back.text == "Hello there A < B & --> C"
        return
    assert [(li.segment, li.speaker) for li in back.lines] == [
        (Segment(0.5, 2.25), "Ann Lee"), (Segment(3.0, 4.0), None)
    ]  # fmt: skip
    assert back.lines[0].text == "Hello there"


def analysis(folder):
    from mien.analysis.analysis import Analysis, Provenance
    from mien.analysis.evidence import Evidence

    segments = (Segment(0.0, 8.0),)
    fused = Evidence.of_rows("fused", segments, [(np.full(7, 1 / 7), 1.0)])
    said = (
        Line(Segment(0.5, 2.25), "Hello there", speaker="Ann Lee"),
        Line(Segment(3.0, 4.0), "A < B & --> C"),
    )
    return Analysis(
        clip=facts(folder / "talk.wav"), segments=segments, fused=fused, by_branch={},
        provenance=Provenance("0", "3", {}, {}, {}),
        transcript=Transcript(said, "whisper:tiny.en"),
    )  # fmt: skip


# --- cues that fit nothing -------------------------------------------------------------------


def shifted(by):
    return [(a + by, b + by) for a, b in TIMES]


@pytest.mark.parametrize(
    ("by", "offset"), [(3600, -3600), (36_000, -36_000), (100, -100.2), (-100, 99.8), (-3600, 3600)]
)
def test_cues_off_by_one_offset_are_left_out_with_the_offset_that_fits(by, offset, tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(srt(shifted(by)))
    written = read_transcript(path, 8.0)
    assert written.transcript is None
    (warning,) = written.warnings
    assert "none of its 3 cues fits" in warning
    assert f"--words-offset {offset:g}." in warning
    moved = read_transcript(path, 8.0, offset)
    assert moved.warnings == ()
    assert [line.text for line in moved.transcript.lines] == list(SAID)
    assert moved.transcript.lines[0].segment.start == pytest.approx(by + offset + 0.2, abs=1e-6)


def test_no_offset_is_offered_where_none_fits(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(srt([(100, 101), (200, 201), (300, 301)]))
    (warning,) = read_transcript(path, 8.0).warnings
    assert "No offset makes them fit" in warning


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (srt([(0.2, 2.3), (4.4, 3.2), (5.3, 7.7)]), REVERSED),
        (srt([(0.2, 2.3), (-4.4, -3.2), (5.3, 7.7)]), NEGATIVE),
        (srt([(0.2, 2.3), (5.3, 7.7), (9.0, 10.0)]), BEYOND),
        (srt([(0.2, 2.3), (5.3, 7.7)]) + "\n3\n00:0x:09,000 --> 00:00:10,000\nNo\n", UNREADABLE),
        (srt([(0.2, 2.3), (5.3, 7.7)]) + "\n3\n9999:00:09,000 --> 9999:99:99999,000\nNo\n", BEYOND),
    ],
)
def test_a_cue_that_cannot_be_is_counted(text, reason, tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(text)
    written = read_transcript(path, 8.0)
    assert len(written.transcript.lines) == 2
    assert [(d.reason, d.count) for d in written.transcript.dropped] == [(reason, 1)]
    (warning,) = written.warnings
    assert "1 of 3 cues" in warning
    assert reason in warning
    assert "--words-offset" not in warning


def test_a_cue_that_stands_over_the_start_begins_with_the_recording(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(srt([(-1.0, 2.0), (3.0, 20.0)]))
    first, second = read_transcript(path, 8.0).transcript.lines
    assert first.segment == Segment(0.0, 2.0)
    assert second.segment == Segment(3.0, 20.0)


@pytest.mark.parametrize("text", ["", "just some words\n", "1\n\n2\n\n", "WEBVTT\n\nNOTE x\n"])
@pytest.mark.parametrize("name", ["a.srt", "a.vtt"])
def test_no_cue_at_all_is_a_warning(name, text, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    written = read_transcript(path, 8.0)
    assert written.transcript is None
    assert "0 cues with a time" in written.warnings[0]


def test_cues_of_sounds_alone_do_not_silence_the_recogniser(tmp_path):
    from mien.scene import Caption

    about = facts(tmp_path / "talk.wav")
    (tmp_path / "talk.srt").write_text(srt(TIMES, ["[Music]", "(laughs)", "\u266a"]))
    written = find_written(about, "auto", None)
    assert written.transcript is None
    assert "none of its 3 cues holds words" in written.warnings[0]
    done = written.completed(about, [Caption(Segment(1.0, 2.0), "[Music]")], "auto")
    assert done.transcript is None
    assert "subtitle track" in done.warnings[1]


def test_nothing_is_left_out_where_the_length_is_not_known_until_the_end(tmp_path):
    path = tmp_path / "a.srt"
    path.write_text(srt(TIMES))
    written = read_transcript(path, 0.0)
    assert len(written.transcript.lines) == 3
    done = written.completed(facts("a.wav", 5.0), (), "auto")
    assert [line.text for line in done.transcript.lines] == list(SAID[:2])
    assert [(d.reason, d.count) for d in done.transcript.dropped] == [(BEYOND, 1)]
    gone = written.completed(facts("a.wav", 0.1), (), "auto")
    assert gone.transcript is None
    assert "all 3 lines" in gone.warnings[0]
    assert fitted(written.transcript, 0.0) == (written.transcript, "")


# --- the pass --------------------------------------------------------------------------------


class Heard(Exception):  # noqa: N818
    """Raised where the recogniser would have begun."""


@pytest.fixture
def listening(monkeypatch):
    """A recogniser that says that it was asked, and speech for it to hear."""
    import mien.perceive as room
    from mien.scene import Speech

    def hear(*args):
        raise Heard

    monkeypatch.setattr(room, "find_speech", lambda *a: Speech((Segment(1.0, 2.0),)))
    monkeypatch.setattr(room, "transcribe", hear)


UNUSABLE = {
    "hour.srt": srt(shifted(3600)),
    "empty.srt": "",
    "words.srt": "only words\n",
    "reversed.srt": srt([(b, a) for a, b in TIMES]),
    "negative.srt": srt(shifted(-100)),
    "web.srt": "<html><body>I am happy</body></html>",
    "binary.srt": "\0\1\2" * 100,
    "cut.ttml": "<tt><body><div><p begin=",
    "words.ass": "[Script Info]\n",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_file_beside_the_recording_does_not_silence_the_recogniser(
    name, tmp_path, listening
):
    path = wav(tmp_path / f"{name.split('.')[0]}.wav")
    (tmp_path / name).write_text(UNUSABLE[name])
    with pytest.raises(Heard):
        look(path, PerceiveOptions())


def look(path, options):
    clip = open_clip(path)
    try:
        return perceive(clip, [TRANSCRIPT], options)
    finally:
        clip.close()


@pytest.mark.parametrize("name", UNUSABLE)
def test_the_warning_reaches_the_scene(name, tmp_path):
    path = wav(tmp_path / f"{name.split('.')[0]}.wav")
    (tmp_path / name).write_text(UNUSABLE[name])
    scene = look(path, PerceiveOptions())
    assert scene.get(TRANSCRIPT) is None
    assert [name in warning for warning in scene.warnings] == [True]


def test_an_unusable_file_is_found_before_the_clip_is_played(tmp_path, monkeypatch):
    path = wav(tmp_path / "talk.wav")
    given = tmp_path / "talk.docx"
    given.write_bytes(b"PK\x03\x04")
    clip = open_clip(path)
    monkeypatch.setattr(type(clip), "play", lambda *a: pytest.fail("was played"))
    with pytest.raises(InputError, match="ZIP"):
        perceive(clip, [TRANSCRIPT], PerceiveOptions(transcript=given))
    clip.close()


def test_words_that_are_given_are_moved_by_the_offset(tmp_path):
    path = wav(tmp_path / "talk.wav")
    (tmp_path / "words.srt").write_text(srt(shifted(3600)))
    options = PerceiveOptions(transcript=tmp_path / "words.srt", offset=-3600.0)
    scene = look(path, options)
    assert scene.get(TRANSCRIPT).lines[0].segment == Segment(0.2, 2.3)
    assert scene.warnings == ()


@pytest.mark.parametrize("offset", [float("nan"), float("inf")])
def test_an_offset_is_a_number_of_seconds(offset):
    with pytest.raises(OptionError, match="offset"):
        PerceiveOptions(offset=offset)


def test_captions_of_the_clip_take_the_place_of_an_unusable_file(tmp_path):
    from mien.scene import Caption

    (tmp_path / "talk.srt").write_text(srt(shifted(3600)))
    about = facts(tmp_path / "talk.wav")
    captions = [Caption(Segment(1.0, 2.0), "ANN: Fish &amp; chips\nMARY: No")]
    done = find_written(about, "auto", None).completed(about, captions, "auto")
    assert done.transcript.source == "subtitles"
    said = [(line.speaker, line.text) for line in done.transcript.lines]
    assert said == [("ANN", "Fish & chips"), ("MARY", "No")]
    assert len(done.warnings) == 1
