"""Transcripts on the whole way: what mien wrote is heard again, and the cases of public reports."""

import shutil

import pytest

from mien.options import Options, SegmentationOptions, SpeechOptions
from mien.perceive.transcript import read_transcript
from mien.report.export import export
from mien.report.transcript import write_transcript
from mien.shortcuts import analyze

HAPPY, DARE = "I am so happy to see you all!", "How dare you say that to me?"


@pytest.mark.parametrize("name", ["talk.srt", "talk.vtt"])
def test_a_recording_whose_transcript_mien_wrote_is_heard_again(name, demo_clip, tmp_path):
    path = tmp_path / "talk.mp4"
    shutil.copy(demo_clip, path)
    first = analyze(path)
    write_transcript(first, tmp_path / name)
    export(first, tmp_path / f"talk.en{name[-4:]}")
    again = analyze(path)
    assert first.transcript.source == again.transcript.source == "whisper:tiny.en"
    assert again.transcript.lines == first.transcript.lines
    assert again.by_branch["text"].quality == pytest.approx(first.by_branch["text"].quality)
    assert sum("says that mien wrote it" in w for w in again.provenance.warnings) == 2


def test_speakers_and_an_offset_on_the_whole_way(demo_clip, tmp_path):
    words = tmp_path / "words.vtt"
    words.write_text(
        f"WEBVTT\n\n01:00:00.500 --> 01:00:02.000\n<v Ann>{HAPPY}\n\n"
        "01:00:02.000 --> 01:00:03.000\n<v Ann>Yes!\n\n"
        f"01:00:03.000 --> 01:00:05.000\n<v Bob>{DARE}\n"
    )
    late = analyze(demo_clip, Options(speech=SpeechOptions(words=words)))
    assert late.transcript.source == "whisper:tiny.en"
    assert any("--words-offset -3600." in warning for warning in late.provenance.warnings)
    found = analyze(
        demo_clip,
        Options(
            speech=SpeechOptions(words=words, words_offset=-3600),
            segmentation=SegmentationOptions("speaker"),
        ),
    )
    assert [(s.start, s.end) for s in found.segments] == [(0.5, 3.0), (3.0, 5.0)]
    assert [found.by_branch["text"].top(i) for i in range(2)] == ["joy", "anger"]
    assert found.transcript.speakers == ("Ann", "Bob")
    assert found.provenance.warnings == late.provenance.warnings[1:]


# --- the cases ---------------------------------------------------------------------------------


@pytest.fixture
def cases(shared):
    """The folder of cases; the test is skipped where it is not."""
    folder = shared.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"the cases are not at {folder}")
    return folder


def said(path, duration=11.0):
    written = read_transcript(path, duration)
    lines = () if written.transcript is None else written.transcript.lines
    return [(line.speaker, line.text) for line in lines], written.warnings


@pytest.mark.data
def test_other_transcripts(cases):
    here = cases / "03-other-transcripts"
    assert said(here / "whisper.json") == ([(None, HAPPY), (None, DARE)], ())
    assert said(here / "p.ttml") == ([(None, HAPPY)], ())


@pytest.mark.data
def test_cue_text(cases):
    here = cases / "07-subtitle-text"
    assert said(here / "teams.vtt")[0] == [("Lee, Ann (HR)", HAPPY), ("Smith, Bob", DARE)]
    assert said(here / "html.srt")[0][0] == (None, "I am so happy & glad to see you all!")
    found = said(here / "whisperx.srt")[0]
    assert found[:2] == [("SPEAKER_00", HAPPY), ("SPEAKER_01", DARE)]
    assert found[2][0] is None


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "lines", "part"),
    [
        ("hour_offset.srt", 0, "--words-offset -3600."),
        ("noCues.srt", 0, "0 cues with a time"),
        ("empty.srt", 0, "0 cues with a time"),
        ("reversed.srt", 2, "1 of 3 cues left out"),
    ],
)
def test_cues_that_fit_nothing(name, lines, part, cases):
    found, (warning,) = said(cases / "08-subtitles-off" / name)
    assert len(found) == lines
    assert part in warning
