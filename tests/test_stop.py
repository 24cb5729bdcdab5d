"""Stop at every stage: what is left is partial and holds nothing of what was not analysed."""

import json

import av
import numpy as np
import pytest

import mien
from mien.analysis.analysis import Analysis, Provenance
from mien.analysis.codec import codec, wire_fields
from mien.analysis.evidence import Evidence
from mien.analysis.judged import Judged
from mien.branches.batches import judge_in_turn, known_rows
from mien.branches.contract import BranchSpec
from mien.emotions import MIEN7, LabelMap
from mien.options import SpeechOptions
from mien.perceive import STOPPED, STOPPED_SPEECH, speech
from mien.scene import AUDIO, SPEECH, TRANSCRIPT, ClipFacts, Scene, Speech
from mien.segmentation import SegmentationOptions
from mien.temporal.events import follow
from mien.timebase import Segment

STAGES = ("reading sound and pictures", "finding speech", "transcribing")


def differences(one, other):
    """The names of what differs between two analyses; numbers of rows to a millionth."""
    differ = []
    pairs = {name: (one.by_branch[name], other.by_branch[name]) for name in one.by_branch}
    pairs |= {f"person {who}": (one.people[who], other.people.get(who)) for who in one.people}
    pairs |= {"fused": (one.fused, other.fused), "whole": (one.whole.fused, other.whole.fused)}
    for name, (a, b) in pairs.items():
        if (
            a.segments != b.segments
            or a.reasons != b.reasons
            or not np.allclose(a.probs, b.probs, rtol=0, atol=1e-6, equal_nan=True)
            or not np.allclose(a.quality, b.quality, rtol=0, atol=1e-6)
        ):
            differ.append(name)
    for field in wire_fields(Judged):
        if field.name not in ("by_branch", "people", "lines"):
            write = codec(field.hint).write
            if write(getattr(one, field.name)) != write(getattr(other, field.name)):
                differ.append(field.name)
    return differ


def stopped_at(analyzer, clip, stage, share=0.0):
    """The analysis that is left when somebody stops as soon as a stage has come so far."""
    seen = []

    def tell(doing, done):
        if doing == stage and done > share:
            seen.append(done)

    found = analyzer.analyze(clip, tell, lambda: bool(seen))
    assert seen, f"{stage} was never reached"
    return found


@pytest.fixture(autouse=True, scope="module")
def _short_blocks():
    """Speech is looked for in blocks of a second, so that a short clip has several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speech, "BLOCK", 1.0)
        yield


@pytest.fixture(scope="module")
def analyzer():
    return mien.Analyzer(mien.Options(segmentation=SegmentationOptions("window", 2.0, 1.0)))


@pytest.fixture(scope="module")
def straight(analyzer, demo_clip):
    return analyzer.analyze(demo_clip)


class Ear:
    """A branch of sound that says something else at each call."""

    def __init__(self, needs=(AUDIO, SPEECH)):
        self.spec = BranchSpec("voice", needs, LabelMap.by_name(MIEN7), {"ear": "1" * 64})
        self.asked = []

    def judge(self, scene, segments):
        self.asked += segments
        return Evidence.of_rows("voice", segments, [(np.eye(7)[6], 0.5)] * len(segments))


def heard(rows, turns, packs):
    """An analysis of rows that a branch of sound judged."""
    segments = tuple(Segment(20.0 * i, 20.0 * i + 4.0) for i in range(len(rows)))
    voice = Evidence.of_rows("voice", segments, rows)
    course = follow(voice, {"voice": voice})
    made = Provenance("0", "3", {"voice": packs}, {}, {})
    facts = ClipFacts("a.wav", "recording", 80.0, "wav", has_audio=True)
    judged = Judged(clip=facts, segments=segments, by_branch={"voice": voice}, speech=turns)
    return Analysis.of(judged, course, fused=voice, provenance=made)


def test_rows_are_kept_where_the_turns_and_the_pack_are_the_same():
    turns = (Segment(1.0, 2.0), Segment(21.0, 22.0), Segment(41.0, 42.0))
    rows = [(np.eye(7)[i], 0.25) for i in range(3)]
    earlier = heard(rows, turns, {"ear": "1" * 64})
    moved = Speech((turns[0], Segment(21.0, 22.5), turns[2]))
    scene = Scene(earlier.clip, {SPEECH: moved})

    def judged(branch, given=earlier, where=scene):
        known = known_rows(branch, where, given.segments, given)
        found = judge_in_turn(branch, where, given.segments, lambda doing, share: None, known)
        assert found.segments == given.segments
        return found.probs.argmax(axis=1).tolist(), [int(s.start) for s in branch.asked]

    assert judged(Ear()) == ([0, 6, 2], [20])
    assert judged(Ear((AUDIO, SPEECH, TRANSCRIPT))) == ([6, 6, 6], [0, 20, 40])
    other = heard(rows, turns, {"ear": "2" * 64})
    assert judged(Ear(), other) == ([6, 6, 6], [0, 20, 40])
    # Nothing was known of the speech, so that rows without speech do not hold.
    stopped = heard([STOPPED_SPEECH] * 3, (), {"ear": "1" * 64})
    silent = Scene(earlier.clip, {SPEECH: Speech(())})
    assert judged(Ear(), stopped, silent) == ([6, 6, 6], [0, 20, 40])


@pytest.mark.slow
def test_one_that_is_stopped_again_loses_nothing(analyzer, straight, demo_clip):
    partial = stopped_at(analyzer, demo_clip, STAGES[0], 0.4)
    seen = []

    def tell(doing, share):
        if doing == STAGES[0] and share > 0.75:
            seen.append(share)

    again = analyzer.resume(demo_clip, partial, tell, lambda: bool(seen))
    assert again.partial
    assert len(partial.segments) < len(again.segments) < len(straight.segments)
    assert again.speech[0] == straight.speech[0]
    assert analyzer.resume(demo_clip, again, stop=lambda: True) is again
    assert differences(analyzer.resume(demo_clip, again), straight) == []


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "share"), [(STAGES[0], 0.6), (STAGES[1], 0.2), (STAGES[2], -1)])
def test_stopped_anywhere_and_gone_on_with_is_as_in_one_go(
    analyzer, straight, demo_clip, stage, share
):
    partial = stopped_at(analyzer, demo_clip, stage, share)
    assert partial.partial
    assert partial.transcript is None
    count = len(partial.segments)
    assert partial.segments == straight.segments[:count]
    assert (count == len(straight.segments)) == (stage != STAGES[0])
    end = partial.part.end
    assert all(turn.start < end for turn in partial.speech)
    assert all(time < end for time in partial.shots)
    assert all(face.segment.start < end for face in partial.faces)
    assert not straight.partial
    joined = analyzer.resume(demo_clip, Analysis.from_dict(json.loads(partial.to_json())))
    assert differences(joined, straight) == []


@pytest.mark.slow
def test_a_stop_while_words_are_heard_leaves_every_row_without_its_words(
    analyzer, straight, demo_clip
):
    partial = stopped_at(analyzer, demo_clip, "transcribing", -1)
    assert partial.segments == straight.segments
    assert set(partial.by_branch["text"].reasons) == {STOPPED}
    assert partial.speech == straight.speech
    assert partial.by_branch["voice"].present.any()


@pytest.mark.slow
def test_a_stop_while_speech_is_found_leaves_the_faces(analyzer, straight, demo_clip):
    partial = stopped_at(analyzer, demo_clip, "finding speech", 0.2)
    assert partial.partial
    words = set(partial.by_branch["text"].reasons) | set(partial.by_branch["voice"].reasons)
    assert words == {STOPPED_SPEECH}
    assert partial.by_branch["face"].present.any()


def looped(source, target, times):
    """A recording so many times in a row, its streams copied."""
    with av.open(str(target), "w") as out:
        streams, offset = {}, 0.0
        for _ in range(times):
            with av.open(str(source)) as given:
                wanted = [s for s in given.streams if s.type in ("video", "audio")]
                if not streams:
                    streams = {s.index: out.add_stream_from_template(s) for s in wanted}
                for packet in given.demux(wanted):
                    if packet.dts is not None:
                        packet.pts += int(offset / packet.time_base)
                        packet.dts += int(offset / packet.time_base)
                        packet.stream = streams[packet.stream.index]
                        out.mux(packet)
                offset += given.duration / 1e6
    return target


@pytest.mark.slow
@pytest.mark.data
def test_two_people_stay_two(shared, tmp_path):
    source = shared.parent / "cases" / "16-resume-doubles-people" / "gallery.mp4"
    if not source.is_file():
        pytest.skip(f"{source} is not there")
    clip = looped(source, tmp_path / "long.mp4", 2)
    analyzer = mien.Analyzer(
        mien.Options(segmentation=SegmentationOptions("window"), speech=SpeechOptions(asr="none"))
    )
    partial = stopped_at(analyzer, clip, "reading sound and pictures", 0.6)
    joined = analyzer.resume(clip, Analysis.from_dict(json.loads(partial.to_json())))
    straight = analyzer.analyze(clip)
    assert {face.identity for face in straight.faces} == {0, 1}
    assert differences(joined, straight) == []
