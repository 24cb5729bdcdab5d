"""What a Python caller hands in by mistake ends in an error of mien that names it."""

import pytest

import mien
from mien.datasets import load_texts
from mien.errors import DataError, MediaError, OptionError
from mien.media import open_clip


@pytest.mark.parametrize("options", ["x", {"by": "window"}, 3])
def test_options_that_are_no_options_are_named(options):
    with pytest.raises(OptionError, match=r"mien\.Options"):
        mien.Analyzer(options)


@pytest.mark.parametrize("path", [None, 3, ["a.wav"], b"a.wav"])
def test_a_path_that_is_no_path_is_named(path):
    with pytest.raises(MediaError, match="give the path"):
        open_clip(path)


def test_semicolons_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("text;label\nhello;joy\n")
    with pytest.raises(DataError, match="separate columns by commas"):
        load_texts(tmp_path / "t.csv")


def test_an_offset_moves_a_subtitle_file_beside_the_recording(demo_clip, tmp_path):
    clip = tmp_path / "talk.mp4"
    clip.write_bytes(demo_clip.read_bytes())
    (tmp_path / "talk.srt").write_text("1\n01:00:01,000 --> 01:00:03,000\nI am happy.\n")
    options = mien.Options(speech=mien.SpeechOptions(words_offset=-3600))
    (line,) = mien.analyze(clip, options).transcript.lines
    assert (line.segment.start, line.segment.end) == (1.0, 3.0)
