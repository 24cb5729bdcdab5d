"""Checkpoints by name: what is here, what is not, and what a download brings."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mien.errors import HubError
from mien.hub import is_hub_id, local_folder
from tests.tiny_hub import Hub, serving

pytest.importorskip("huggingface_hub", reason="the extra 'hub' is not installed")


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def test_a_folder_serves_in_place(tmp_path):
    assert local_folder(str(tmp_path), download=False) == tmp_path


def test_what_is_no_name_is_refused():
    with pytest.raises(HubError, match="neither a folder nor a hub id"):
        local_folder("./no/such/folder", download=True)


def test_a_hub_id_is_told_from_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert is_hub_id("owner/model")
    assert not is_hub_id("a/b")
    assert not is_hub_id("/owner/model")


def test_without_leave_nothing_is_fetched():
    with pytest.raises(HubError, match="mien models pull owner/model"):
        local_folder("owner/model", download=False)


@pytest.mark.hub
def test_an_unreachable_hub_is_said_at_once(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    started = time.perf_counter()
    with pytest.raises(HubError, match="cannot be reached.*give its folder"):
        local_folder("owner/model", download=True)
    assert time.perf_counter() - started < 5


FILES = {
    "config.json": b"{}",
    "model.safetensors": bytes(range(256)) * 5000,
    "pytorch_model.bin": b"pickle",
    "tf_model.h5": b"tensorflow",
    "modeling.py": b"raise SystemExit",
}


def pull(endpoint, home):
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "HF_ENDPOINT": endpoint}
    env |= {"HF_HUB_DISABLE_XET": "1", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    return subprocess.run(
        [sys.executable, "-m", "mien", "models", "pull", "owner/model"],
        capture_output=True, text=True, timeout=120, check=False, env=env,
    )  # fmt: skip


def place(run):
    assert run.returncode == 0, run.stderr
    return Path(run.stdout.split(" is complete in ")[1].strip())


@pytest.mark.hub
def test_a_pull_brings_the_weights_once_and_nothing_that_runs(tmp_path):
    hub = Hub("owner/model", FILES)
    with serving(hub) as endpoint:
        folder = place(pull(endpoint, tmp_path))
        assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors"}
        assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
        hub.asked.clear()
        place(pull(endpoint, tmp_path))
    assert not [path for command, path, _ in hub.asked if command == "GET" and "resolve" in path]


@pytest.mark.hub
def test_pickled_weights_are_fetched_where_there_are_no_others(tmp_path):
    files = {name: FILES[name] for name in ("config.json", "pytorch_model.bin")}
    with serving(Hub("owner/model", files)) as endpoint:
        folder = place(pull(endpoint, tmp_path))
    assert (folder / "pytorch_model.bin").is_file()


@pytest.mark.hub
def test_a_dropped_connection_goes_on_where_it_stopped(tmp_path):
    data = bytes(range(256)) * 100_000  # the library keeps whole pieces of 10 MB
    hub = Hub("owner/model", {"model.safetensors": data}, dropped="model.safetensors")
    with serving(hub) as endpoint:
        folder = place(pull(endpoint, tmp_path))
    assert (folder / "model.safetensors").read_bytes() == data
    ranges = [given for command, _, given in hub.asked if command == "GET" and given]
    assert len(ranges) == 1
    assert 0 < int(ranges[0].removeprefix("bytes=").rstrip("-")) <= len(data) // 2


@pytest.mark.hub
def test_a_damaged_file_is_found(tmp_path):
    with serving(Hub("owner/model", FILES, damaged="model.safetensors")) as endpoint:
        run = pull(endpoint, tmp_path)
    assert run.returncode == 2
    assert "model.safetensors of 'owner/model' do not match the hub's checksums" in run.stderr


@pytest.mark.hub
def test_a_model_that_is_not_there_is_said(tmp_path):
    with serving(Hub("owner/other", FILES)) as endpoint:
        run = pull(endpoint, tmp_path)
    assert run.returncode == 2
    assert "has no model 'owner/model'" in run.stderr
