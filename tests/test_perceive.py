import re

import numpy as np
import pytest

from mien.errors import InputError, OptionError
from mien.media import AudioSpool, open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.speech import find_speech, turns_of
from mien.perceive.transcript import read_transcript, transcript_of_text
from mien.scene import AUDIO, FACES, SPEECH, TRANSCRIPT
from mien.timebase import Segment
from mien.words import Dropped

RATE = 16_000


# --- speech ----------------------------------------------------------------------------------


def probs(*spans, seconds=10.0):
    out = np.zeros(int(seconds / 0.032), dtype=np.float32)
    for start, end in spans:
        out[int(start / 0.032) : int(end / 0.032)] = 0.9
    return out


def turns(*spans):
    return turns_of(probs(*spans), Segment(0.0, 10.0))


def test_a_turn_is_found_where_it_was_planted():
    (turn,) = turns((2.0, 4.0))
    assert turn.start == pytest.approx(1.9, abs=0.05)
    assert turn.end == pytest.approx(4.1, abs=0.05)


def test_short_gaps_are_bridged_long_ones_are_not():
    assert len(turns((2.0, 4.0), (4.2, 6.0))) == 1
    assert len(turns((2.0, 4.0), (4.6, 6.0))) == 2


def test_a_click_is_no_turn_and_the_end_is_kept():
    assert turns((2.0, 2.1)) == []
    (turn,) = turns((9.0, 10.0))
    assert turn.end == 10.0


def detect(samples):
    with AudioSpool() as spool:
        spool.append(samples.astype(np.float32))
        return find_speech(spool)


@pytest.mark.parametrize("sound", ["silence", "white noise", "tone", "hum"])
def test_what_is_not_speech_is_not_called_speech(sound):
    rng = np.random.default_rng(0)
    time = np.arange(RATE * 8) / RATE
    samples = {
        "silence": np.zeros(len(time)),
        "white noise": rng.normal(0, 0.1, len(time)),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "hum": sum(0.1 * np.sin(2 * np.pi * 50 * k * time) for k in (1, 2, 3)),
    }[sound]
    assert detect(samples).turns == ()


# --- transcript ------------------------------------------------------------------------------

SRT = (
    "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> there\n\n"
    "2\n00:00:03,000 --> 00:00:04,000\nBye\n"
)


def test_subtitles_are_read_with_their_times(tmp_path):
    path = tmp_path / "words.srt"
    path.write_text(SRT)
    transcript = read_transcript(path, 10.0).transcript
    assert [line.text for line in transcript.lines] == ["Hello there", "Bye"]
    assert transcript.lines[0].segment == Segment(1.0, 2.5)


SOUNDS = (
    "[door slams]", "MARY: Who is there?", "- It's me.\n- (laughs) Come in!", "♪♪",
    "♪ Happy birthday to you ♪", "[wind\nhowling]", "NO: I WON'T GO!", "No!", "No!",
)  # fmt: skip


def test_notes_on_sounds_and_names_are_no_words(tmp_path):
    path = tmp_path / "words.srt"
    cues = [
        f"{i}\n00:00:{2 * i:02},000 --> 00:00:{2 * i + 2:02},000\n{said}\n"
        for i, said in enumerate(SOUNDS)
    ]
    path.write_text("\n".join(cues))
    transcript = read_transcript(path, 30.0).transcript
    assert [line.text for line in transcript.lines] == [
        "Who is there?", "It's me. Come in!", "Happy birthday to you", "NO: I WON'T GO!", "No!",
        "No!",
    ]  # fmt: skip
    assert transcript.lines[0].segment == Segment(2.0, 4.0)
    assert transcript.speakers == ("MARY",)
    assert transcript.dropped == (Dropped("a note on a sound", 3, 6.0),)


ROLLING = """WEBVTT
Kind: captions
Language: en

00:00:00.240 --> 00:00:02.470 align:start position:0%
 
hello<00:00:00.480><c> there</c><00:00:01.040><c> friends</c>

00:00:02.470 --> 00:00:02.480 align:start position:0%
hello there friends
 

00:00:02.480 --> 00:00:05.110 align:start position:0%
hello there friends
how<00:00:02.720><c> are</c><00:00:03.040><c> you</c>

00:00:05.110 --> 00:00:05.120 align:start position:0%
how are you
 

00:00:05.120 --> 00:00:07.000 align:start position:0%
how are you
[Music]
"""  # noqa: W293


def test_captions_that_roll_are_said_once(tmp_path):
    path = tmp_path / "talk.en.vtt"
    path.write_text(ROLLING)
    transcript = read_transcript(path, 8.0).transcript
    assert [line.text for line in transcript.lines] == ["hello there friends", "how are you"]
    assert [line.segment.start for line in transcript.lines] == [0.24, 2.48]
    assert [(d.reason, d.count) for d in transcript.dropped] == [("a note on a sound", 1)]


def test_a_plain_transcript_spans_the_clip(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("one two\nthree")
    transcript = read_transcript(path, 7.0).transcript
    assert transcript.text == "one two three"
    assert transcript.lines[0].segment == Segment(0.0, 7.0)


def test_missing_and_empty_transcripts_are_refused(tmp_path):
    with pytest.raises(InputError, match="no transcript at"):
        read_transcript(tmp_path / "none.srt", 1.0)
    (tmp_path / "empty.txt").write_text("  \n")
    with pytest.raises(InputError, match="no words"):
        read_transcript(tmp_path / "empty.txt", 1.0)


def test_a_text_is_cut_into_its_lines():
    transcript = transcript_of_text("first line\n\n  second   line \n")
    assert [line.text for line in transcript.lines] == ["first line", "second line"]


def test_a_long_paragraph_is_cut_into_its_sentences():
    first = "Mr. Brown came in, took off his hat and looked around the room as if lost."
    rest = ('"Where is she?" he asked.', "Nobody spoke!", "It was 5 p.m. by then…")
    short = " ".join((first, *rest))
    assert [line.text for line in transcript_of_text(short).lines] == [short]
    paragraph = " ".join((first, *rest) * 3)
    lines = transcript_of_text(f"A title\n{paragraph}").lines
    assert [line.text for line in lines] == ["A title", *(first, *rest) * 3]


SAID = "i am so happy to see you again this is the best day of my life"
"""The sentence of the demo, as espeak-ng was given it."""


# --- the whole pass --------------------------------------------------------------------------


def test_one_pass_finds_speech_words_and_face(demo_clip):
    clip = open_clip(demo_clip)
    told = []
    scene = perceive(
        clip, [TRANSCRIPT, FACES], PerceiveOptions(), lambda doing, share: told.append(share)
    )
    clip.close()
    speech = scene.get(SPEECH)
    assert speech is not None
    assert 0.2 < speech.turns[0].start < 0.9
    transcript = scene.get(TRANSCRIPT)
    assert transcript is not None
    assert transcript.source == "whisper:tiny.en"
    assert [w.lower() for w in re.findall(r"[\w']+", transcript.text)] == SAID.split()
    words = [word for line in transcript.lines for word in line.words]
    assert len(words) > 6
    assert all(0 <= word.confidence <= 1 for word in words)
    assert all(word.segment.middle in Segment(0.3, 5.6) for word in words)
    faces = scene.get(FACES)
    assert faces is not None
    assert len(faces.tracks) == 1
    assert max(told) <= 1.0


def test_a_sidecar_saves_the_engine_the_work(demo_clip, tmp_path):
    path = tmp_path / "talk.mp4"
    path.write_bytes(demo_clip.read_bytes())
    (tmp_path / "talk.srt").write_text(SRT)
    clip = open_clip(path)
    scene = perceive(clip, [TRANSCRIPT], PerceiveOptions())
    clip.close()
    assert scene.get(TRANSCRIPT).source == "sidecar"
    assert scene.get(AUDIO) is not None


@pytest.mark.parametrize("change", [{"frame_rate": 0.0}, {"asr": "whisper9"}, {"detector": "eyes"}])
def test_impossible_options_are_refused(change):
    with pytest.raises(OptionError):
        PerceiveOptions(**change)
