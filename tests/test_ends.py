"""An analysis ends where its recording does, and says what was claimed."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from mien.analysis.analysis import Analysis
from mien.analyzer import Analyzer
from mien.branches.speech_quality import silence
from mien.errors import OptionError
from mien.media import AudioSpool
from mien.options import Options, SegmentationOptions, SpeechOptions
from mien.perceive.speech import find_speech
from mien.timebase import Segment

from .media.make import beeps, write
from .media.test_claims import leaps


@pytest.fixture
def cut_off(tmp_path, sentence):
    """A spoken sentence of which half is there, behind a header that claims all of it."""
    whole = write(tmp_path / "whole.mkv", sound=sentence[None], rate=16_000, acodec="pcm_s16le")
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path, len(sentence) / 16_000


def test_segments_end_where_decoding_ended(cut_off, tmp_path):
    path, claimed = cut_off
    words = tmp_path / "words.txt"
    words.write_text("I am so glad that you came.")
    options = Options(
        speech=SpeechOptions(asr="none", words=words),
        segmentation=SegmentationOptions("window", 1.0, 1.0),
    )
    analysis = Analyzer(options).analyze(path)
    assert (
        analysis.segments[-1].end == analysis.clip.duration == pytest.approx(claimed / 2, abs=0.1)
    )
    assert analysis.clip.claimed == pytest.approx(claimed, abs=0.1)
    (warning,) = analysis.provenance.warnings
    assert f"claims {claimed:.1f} s" in warning
    assert f"ends at {claimed / 2:.1f} s" in warning
    # Words without times span what there is, not what was claimed.
    assert analysis.whole.by_branch["text"].present[0]
    again = Analysis.from_dict(json.loads(json.dumps(analysis.to_dict())))
    assert again.clip == analysis.clip


def test_a_part_behind_the_end_is_refused(cut_off):
    path, claimed = cut_off
    with pytest.raises(OptionError, match=r"ends at .* give a time before that"):
        Analyzer(Options(speech=SpeechOptions(asr="none"), start=0.75 * claimed)).analyze(path)
    part = Analyzer(Options(speech=SpeechOptions(asr="none"), start=0.5, end=99.0)).analyze(path)
    assert part.part.end == part.clip.duration == pytest.approx(claimed / 2, abs=0.1)


def test_gaps_are_rows_with_a_reason(tmp_path):
    path = leaps(tmp_path / "a", 3, 3500.0)
    analysis = Analyzer(Options(segmentation=SegmentationOptions("window", 5.0, 2.5))).analyze(path)
    assert len(analysis.segments) == 5
    for branch in analysis.by_branch.values():
        gap = ["a gap in the recording" in reason for reason in branch.reasons]
        assert gap == [False, True, False, True, False]
    assert any("2 gaps of 7000.0 s" in line for line in analysis.provenance.warnings)
    assert Analysis.from_dict(analysis.to_dict()).clip.gaps == pytest.approx(analysis.clip.gaps)
    whole = Analyzer(Options()).analyze(path)
    assert whole.by_branch["voice"].reasons[0].startswith("no speech (in 0.4 s of sound)")


def test_where_there_is_no_sound_there_is_no_silence():
    with AudioSpool() as spool:
        spool.append(np.zeros(16_000, np.float32), at=0.0)
        spool.append(beeps(1, [0.1], 16_000)[0], at=5000.0)
        assert silence(spool, Segment(0.0, 1.0)).startswith("silence")
        assert silence(spool, Segment(2.0, 4000.0)).startswith("no sound in this segment")
        assert silence(spool, Segment(6000.0, 6001.0)).startswith("no sound in this segment")


def test_speech_on_both_sides_of_a_gap_is_found_at_its_time(sentence):
    with AudioSpool() as spool:
        spool.append(sentence, at=0.0)
        alone = find_speech(spool).turns
        spool.append(sentence, at=100_000.0)
        turns = find_speech(spool).turns
    assert len(turns) == 2 * len(alone)
    for turn, later in zip(turns, turns[len(alone) :], strict=False):
        assert later.start - turn.start == pytest.approx(100_000, abs=0.01)
        assert later.end - turn.end == pytest.approx(100_000, abs=0.01)


def riff(sound, size=None):
    """A mono WAV file of 16-bit samples at 16 kHz whose header claims ``size`` bytes of them."""
    data = (sound * 32767).astype("<i2").tobytes()
    size = len(data) if size is None else size
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16)
    whole = struct.pack("<4sI", b"RIFF", min(36 + size, 2**32 - 1))
    note = struct.pack("<4sI4s", b"JUNK", 3, b"abc\0")  # an odd size is padded
    return whole + b"WAVE" + form + note + struct.pack("<4sI", b"data", size) + data


def test_a_wav_file_that_was_cut_off_is_said_to_be_so(tmp_path, sentence):
    whole = riff(sentence)
    path = tmp_path / "cut.wav"
    path.write_bytes(whole[: len(whole) // 2])
    analysis = Analyzer(Options(speech=SpeechOptions(asr="none"))).analyze(path)
    claimed = len(sentence) / 16_000
    assert analysis.clip.claimed == pytest.approx(claimed, abs=0.01)
    assert analysis.clip.duration == pytest.approx(claimed / 2, abs=0.1)
    assert f"claims {claimed:.1f} s" in analysis.provenance.warnings[0]


@pytest.mark.parametrize("size", [None, 0, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_a_wav_file_of_unknown_or_right_size_claims_nothing(tmp_path, sentence, size):
    path = tmp_path / "pipe.wav"
    path.write_bytes(riff(sentence, size))
    analysis = Analyzer(Options(speech=SpeechOptions(asr="none"))).analyze(path)
    assert analysis.clip.claimed is None
    assert not analysis.provenance.warnings
    assert analysis.clip.duration == pytest.approx(len(sentence) / 16_000, abs=0.01)
