"""``--preset paper``: the whole system through the real classes, and what it says when it lacks."""

import json
import time

import pytest

pytest.importorskip("transformers", reason="the extra 'hub' is not installed")

from typer.testing import CliRunner

import mien
from mien import presets
from mien.cli import app
from mien.errors import HubError, OptionError
from mien.fusion import fuse
from mien.packs import EMBEDDED
from mien.presets import Paper, paper, pull
from tests.tiny_checkpoints import tiny_text, tiny_voice
from tests.tiny_whisper import build

pytestmark = pytest.mark.hub


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("MIEN_CACHE", str(tmp_path / "mien"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Tiny checkpoints where the user's own would lie; the voice as the recipe leaves it."""
    from mien.convert.whisper import convert_whisper

    root = tmp_path_factory.mktemp("parts")
    hears = convert_whisper(build(root / "whisper"), root / "ct2")
    tiny_voice(root / "voice" / "random")
    text = str(tiny_text(root / "text"))
    return Paper(f"whisper:{hears}", text, root / "voice", EMBEDDED / "face")


def test_the_whole_system_of_local_folders(parts, demo_clip, tmp_path):
    said = []
    options = paper(parts, said.append)
    assert any("maximum difference" in line for line in said)
    analysis = mien.analyze(demo_clip, options)
    assert analysis.transcript.source == "whisper:ct2"
    # A Whisper of random weights is not believed, so that its words judge nothing.
    assert sum(dropped.count for dropped in analysis.transcript.dropped) >= 1
    assert analysis.by_branch["voice"].present.all()
    assert analysis.by_branch["face"].present.all()
    seconds = [segment.duration for segment in analysis.segments]
    assert analysis.fused.probs == pytest.approx(fuse(analysis.by_branch, "length", seconds).probs)
    assert analysis.provenance.options["faces"]["policy"] == "peak"
    names = {branch: next(iter(packs)) for branch, packs in analysis.provenance.packs.items()}
    assert (names["text"], names["voice"]) == ("text", "random")
    again = []
    paper(parts, again.append)
    assert again == []

    words = tmp_path / "words.txt"
    words.write_text("I am so happy to see you, this is wonderful")
    given = {"--asr": parts.asr, "--text": parts.text, "--voice": parts.voice}
    given |= {"--face": parts.face, "--words": words, "--fusion": "mean"}
    given["--json"] = tmp_path / "a.json"
    flat = [str(word) for pair in given.items() for word in pair]
    run = CliRunner().invoke(app, ["analyze", str(demo_clip), "--preset", "paper", *flat])
    assert run.exit_code == 0, run.output
    told = mien.Analysis.from_dict(json.loads((tmp_path / "a.json").read_text()))
    assert set(told.by_branch) == {"text", "voice", "face"}
    assert all(evidence.present.all() for evidence in told.by_branch.values())
    assert told.provenance.options["fusion"]["rule"] == "mean"
    assert told.fused.probs == pytest.approx(fuse(told.by_branch, "mean").probs, abs=1e-5)


def test_what_is_missing_is_said_at_once_in_one_sentence(tmp_path):
    started = time.perf_counter()
    run = CliRunner().invoke(app, ["analyze", "clip.mp4", "--preset", "paper"])
    assert time.perf_counter() - started < 5
    said = str(run.exception)
    assert isinstance(run.exception, HubError)
    for part in (
        "whisper:tiny", presets.TEXT, "mien models pull paper",
        f"mien train voice --recipe paper --data TESS --out {tmp_path / 'mien/paper/voice'}",
        f"mien train face --data FER2013 --out {tmp_path / 'mien/paper/face'}",
        "--asr whisper:FOLDER",
    ):  # fmt: skip
        assert part in said
    assert "\n" not in said


def test_an_unreachable_hub_is_said_at_once(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    started = time.perf_counter()
    with pytest.raises(HubError, match=r"faster-whisper-tiny.*cannot be reached"):
        pull("paper")
    assert time.perf_counter() - started < 5


def test_another_preset_is_refused():
    with pytest.raises(OptionError, match="'tv'.*paper"):
        pull("tv")
    run = CliRunner().invoke(app, ["analyze", "clip.mp4", "--preset", "tv"])
    assert isinstance(run.exception, OptionError)
