"""Checkpoints by name: what is here, what is not, and what a download brings."""

import time

import pytest

from mien.errors import HubError
from mien.hub import is_hub_id, local_folder

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
