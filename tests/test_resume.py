"""A recording that is stopped, and gone on with."""

import json
import os
import pty
import signal
import subprocess
import sys

import numpy as np
import pytest

import mien
from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.branches import make_branches
from mien.branches.batches import AT_A_TIME, judge_in_turn
from mien.errors import OptionError
from mien.options import SegmentationOptions
from mien.scene import ClipFacts, Scene
from mien.timebase import Segment


@pytest.mark.slow
def test_what_was_stopped_is_partial_and_goes_on_to_the_same_rows(demo_clip):
    options = mien.Options(segmentation=SegmentationOptions("window", 1.0, 1.0))
    analyzer = mien.Analyzer(options)
    reached = [0.0]

    def tell(doing, share):
        if doing == "reading sound and pictures":
            reached[0] = share

    partial = analyzer.analyze(demo_clip, tell, lambda: reached[0] > 0.55)
    assert partial.partial
    assert 0 < len(partial.segments) < 5
    assert set(partial.by_branch["text"].reasons) == {"stopped before speech recognition"}
    read = Analysis.from_dict(json.loads(partial.to_json()))
    joined, straight = analyzer.resume(demo_clip, read), analyzer.analyze(demo_clip)
    assert not joined.partial
    assert joined.segments == straight.segments
    face = joined.by_branch["face"], straight.by_branch["face"]
    assert np.allclose(face[0].probs, face[1].probs, atol=0.02, equal_nan=True)
    assert "stopped before speech recognition" not in joined.by_branch["text"].reasons
    assert analyzer.resume(demo_clip, straight) is straight
    other = mien.Analyzer(mien.Options(segmentation=SegmentationOptions("window", 2.0, 1.0)))
    with pytest.raises(OptionError, match="another segmentation.window"):
        other.resume(demo_clip, read)


def test_what_was_stopped_at_once_has_no_rows_and_goes_on(demo_clip):
    analyzer = mien.Analyzer(
        mien.Options(
            segmentation=SegmentationOptions("window", 2.0, 2.0),
            speech=mien.SpeechOptions(asr="none"),
        )
    )
    partial = analyzer.analyze(demo_clip, stop=lambda: True)
    assert partial.partial
    assert partial.segments == ()
    read = Analysis.from_dict(json.loads(partial.to_json()))
    joined = analyzer.resume(demo_clip, read)
    assert not joined.partial
    assert len(joined.segments) == 3


@pytest.mark.slow
def test_ctrl_c_on_a_real_process_leaves_a_part_and_resume_goes_on(demo_clip, tmp_path):
    out = tmp_path / "a.json"
    command = [sys.executable, "-m", "mien", "analyze", str(demo_clip), "--json", str(out)]
    command += ["--by", "window", "--window", "1", "--step", "1", "--asr", "none", "--fps", "30"]
    ours, theirs = pty.openpty()
    # A terminal, since the progress is shown on one alone.
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"reading sound and pictures" not in shown:
        shown += os.read(ours, 4096)
    process.send_signal(signal.SIGINT)
    while True:
        try:
            shown += os.read(ours, 4096)
        except OSError:
            break
    assert process.wait() == 130
    assert b"Continue with --resume" in shown
    partial = json.loads(out.read_text())
    assert partial["partial"]
    ended = subprocess.run([*command, "--resume"], capture_output=True, check=True)
    assert ended.returncode == 0
    whole = json.loads(out.read_text())
    assert not whole["partial"]
    assert whole["segments"][: len(partial["segments"])] == partial["segments"]
    assert len(whole["segments"]) == 6


def test_branches_are_asked_for_some_segments_at_a_time():
    (branch,) = [b for name, b in make_branches({}).items() if name == "text"]
    asked, told = [], []

    class Asked:
        spec = branch.spec

        def judge(self, scene, segments):
            asked.append(len(segments))
            probs = [np.eye(7)[int(s.start) % 7] for s in segments]
            return Evidence.of_rows("text", segments, [(p, 0.5) for p in probs])

    segments = tuple(Segment(i, i + 1.0) for i in range(2 * AT_A_TIME + 3))
    scene = Scene(ClipFacts("a.wav", "recording", 99.0, "wav"), {})
    found = judge_in_turn(
        Asked(), scene, segments, lambda doing, share: told.append((doing, share))
    )
    assert asked == [AT_A_TIME, AT_A_TIME, 3]
    assert found.segments == segments
    assert [int(i) for i in found.probs.argmax(axis=1)] == [i % 7 for i in range(len(segments))]
    assert [doing for doing, _ in told] == ["analysing the text"] * 3
    assert [share * len(segments) for _, share in told] == [0, AT_A_TIME, 2 * AT_A_TIME]
