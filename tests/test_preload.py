"""When models are loaded and verified."""

import shutil
import time

import pytest

import mien
from mien.branches import in_turn, large_models, soon_used
from mien.branches.contract import BranchSpec
from mien.emotions import MIEN7, LabelMap
from mien.errors import PackError
from mien.loading import verifying
from mien.packs import EMBEDDED
from mien.scene import FACES, SPEECH, TRANSCRIPT, ClipFacts, Scene

MAP = LabelMap.by_name(MIEN7, MIEN7, {})
TRACK = {"text": TRANSCRIPT, "voice": SPEECH, "face": FACES}


class Model:
    """A branch that notes when its model is loaded."""

    def __init__(self, name, size, log):
        self.spec = BranchSpec(name, (TRACK[name],), MAP, {})
        self.large_model, self.log = size, log

    def load(self):
        self.log.append(f"load {self.spec.name}")

    def verify(self):
        self.log.append(f"verify {self.spec.name}")


def three(log, **sizes):
    return {name: Model(name, sizes.get(name, 0) * 1_000_000, log) for name in TRACK}


def scene(*tracks):
    facts = ClipFacts("a.mp4", "mp4", 60.0, "video")
    return Scene(facts, {TRACK[name]: object() for name in tracks}, {})


def played(branches, tracks):
    log = next(iter(branches.values())).log
    for name, _ in in_turn(branches, scene(*tracks)):
        time.sleep(0.02)
        log.append(f"judge {name}")
    return log


def test_the_next_model_is_loaded_while_one_judges():
    said = played(three([]), TRACK)
    assert said == ["load voice", "judge face", "load text", "judge voice", "judge text"]


def test_a_large_model_is_loaded_while_small_ones_judge():
    said = played(three([], text=300, voice=400), TRACK)
    assert said == ["load face", "judge text", "load voice", "judge face", "judge voice"]
    said = played(three([], text=300, voice=400, face=60), TRACK)
    assert said == ["load face", "judge text", "load voice", "judge face", "judge voice"]


def test_two_large_models_are_not_loaded_at_once():
    said = played(three([], text=300, voice=200, face=300), TRACK)
    assert said == ["judge text", "judge voice", "judge face"]


def test_what_has_nothing_to_judge_is_not_loaded():
    said = played(three([]), ("text", "face"))
    assert said == ["judge face", "load text", "judge voice", "judge text"]


@pytest.mark.parametrize(
    ("seconds", "large", "wanted"),
    [
        (20, {}, ["text", "voice", "face"]),
        (20, {"text": 300, "voice": 400}, ["text", "voice", "face"]),
        (60, {"text": 300, "voice": 400}, ["text"]),
        (60, {"voice": 400}, ["face"]),
        (60, {}, ["face"]),
        (60, {"text": 300, "voice": 400, "face": 300}, ["text"]),
        (300, {"text": 300, "voice": 400}, []),
    ],
)
def test_what_is_loaded_while_a_clip_is_decoded(seconds, large, wanted):
    facts = ClipFacts("a.mp4", "mp4", float(seconds), "video", has_audio=True, has_video=True)
    soon = soon_used(three([], **large), facts, "auto")
    assert [branch.spec.name for branch in soon] == wanted


def test_the_error_of_a_file_comes_as_soon_as_it_is_known():
    class Bad:
        def verify(self):
            raise PackError("not this file")

    def wait(check):
        for _ in range(100):
            time.sleep(0.01)
            check()

    with verifying([]) as check:
        assert check() is False
    with pytest.raises(PackError, match="not this file"), verifying([Bad()]) as check:
        wait(check)
    with pytest.raises(PackError), verifying([Bad()]):
        pass


@pytest.mark.parametrize("sandbox", [False, True])
def test_a_large_model_that_was_changed_stops_the_decoding(
    demo_clip, tmp_path, monkeypatch, sandbox
):
    pack = tmp_path / "voice"
    shutil.copytree(EMBEDDED / "voice", pack)
    content = bytearray((pack / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (pack / "model.onnx").write_bytes(content)
    monkeypatch.setattr("mien.packs.SMALL", 1_000_000)
    options = mien.Options(
        branches={"voice": {"pack": str(pack)}}, media=mien.MediaOptions(sandbox=sandbox)
    )
    analyzer = mien.Analyzer(options)
    monkeypatch.setattr("mien.branches.preload.SHORT", 0.0)
    monkeypatch.setattr("mien.branches.preload.MEDIUM", 0.0)
    facts = ClipFacts("a.mp4", "mp4", 60.0, "video")
    assert large_models(analyzer.branches, facts) == list(analyzer.branches.values())
    with pytest.raises(PackError, match="not the file that pack.json describes"):
        analyzer.analyze(demo_clip)
