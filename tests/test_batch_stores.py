"""Recordings and results of a batch at paths of fsspec."""

import json
import sys
from pathlib import Path

import pytest

from mien.batch import store
from mien.batch.inputs import find_clips
from mien.batch.run import Reports, Setup, run_batch
from mien.batch.stored import analyze_stored
from mien.errors import InputError, MissingExtraError, OutputError
from mien.options import Options, SpeechOptions
from tests.batches import SILENT, finished, tone

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed (extra 'ray')")


def names(*given):
    return [one.name for one in find_clips([str(one) for one in given])]


@pytest.fixture
def memory():
    """A store that is in no folder: what is not read through fsspec fails."""
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True) if system.ls("/") else None


# --- paths -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/data/a.wav", "a.wav", "c:\\a.wav", "a:b.wav", "://x", "1://x"])
def test_a_path_without_a_scheme_is_of_this_machine(path):
    assert not store.is_stored(path)
    assert store.as_local(path) == path


def test_a_file_whose_name_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tone(Path("s3:") / "bucket" / "a.wav")
    assert not store.is_stored("s3://bucket/a.wav")
    assert names("s3://bucket") == ["a.wav"]


def test_a_stored_folder_is_searched_like_a_folder(tmp_path):
    wanted = ["a.wav", "b/a.MP4", "b/c/d.wav"]
    for name in (*wanted, ".a.mp4", ".cache/x.mp4", "notes.txt", "a.srt", "clips/a.mp4.json"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    place = (tmp_path / "in").as_uri()
    assert names(place) == names(place + "/") == wanted
    assert [one.path for one in find_clips([place])] == [f"{place}/{name}" for name in wanted]
    assert names(f"{place}/**/*.wav") == ["a.wav", "b/c/d.wav"]
    assert names(f"{place}/b/*.MP4") == ["a.MP4"]
    assert names(f"{place}/a.wav") == ["a.wav"]
    listed = tmp_path / "all.txt"
    listed.write_text(f"{place}/b/c/d.wav\n{place}/b\n{tmp_path}/in/a.wav\n")
    assert [one.path for one in find_clips([str(listed)])] == [
        f"{place}/b/c/d.wav", f"{place}/b/a.MP4", str(tmp_path / "in" / "a.wav"),
    ]  # fmt: skip
    assert len({one.name for one in find_clips([str(listed)])}) == 3


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("file:///no/such/folder", "names no file"),
        ("memory://none", "names no file"),
        ("nosuchscheme://a/b", "cannot be opened.*nosuchscheme"),
        ("file:///no/such/*.wav", "names no file"),
    ],
)
def test_a_store_that_cannot_be_had_is_said(given, match):
    with pytest.raises(InputError, match=match):
        find_clips([given])


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"mien\[ray\]"):
        find_clips(["s3://bucket/folder"])


# --- one clip --------------------------------------------------------------------------------


def test_a_recording_comes_from_a_store_with_its_subtitles_and_its_result_goes_there(
    memory, tmp_path
):
    memory.pipe("/in/day 1/a.wav", tone(tmp_path / "x.wav", 2).read_bytes())
    memory.pipe("/in/day 1/a.en.srt", b"1\n00:00:00,000 --> 00:00:02,000\nI am so happy today!\n")
    memory.pipe("/in/day 1/other.srt", b"1\n00:00:00,000 --> 00:00:02,000\nThis is awful.\n")
    options = Options(speech=SpeechOptions(asr="auto"))
    row = analyze_stored("memory://in/day 1/a.wav", options, "memory://out/a.json",
                         "memory://out/a.html")  # fmt: skip
    assert (row["state"], row["label"]) == ("done", "joy")
    written = json.loads(memory.cat_file("/out/a.json"))
    assert written["clip"]["path"] == "memory://in/day 1/a.wav"
    assert b"<html" in memory.cat_file("/out/a.html")
    assert sorted(memory.find("/out")) == ["/out/a.html", "/out/a.json"]  # and no half file


def test_what_cannot_be_fetched_or_read_is_a_row_that_names_the_stored_path(memory):
    memory.pipe("/in/bad.wav", b"nothing at all")
    for name in ("bad.wav", "gone.wav"):
        row = analyze_stored(f"memory://in/{name}", SILENT, "memory://out/a.json")
        assert row["state"] == "failed"
        assert f"memory://in/{name}" in row["reason"]
        assert "/tmp/" not in row["reason"]
    assert not memory.exists("/out/a.json")


def test_a_result_that_cannot_be_put_is_a_row_and_leaves_nothing(tmp_path):
    clip = tone(tmp_path / "a.wav")
    (tmp_path / "out" / "a.json").mkdir(parents=True)
    (tmp_path / "out" / "a.json" / "x").write_text("in the way")
    row = analyze_stored(str(clip), SILENT, (tmp_path / "out" / "a.json").as_uri())
    assert row["state"] == "failed"
    assert "cannot be written" in row["reason"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a.json"]


def test_a_half_written_object_is_never_seen(memory, tmp_path, monkeypatch):
    """A worker that dies while it writes: the name of the result has nothing."""
    file = tmp_path / "a.json"
    file.write_text("{}" * 1000)
    kept = type(memory).put_file

    def breaks(self, local, remote, **more):
        kept(self, local, remote, **more)
        raise OSError("the connection is gone")

    monkeypatch.setattr(type(memory), "put_file", breaks)
    with pytest.raises(OutputError, match="connection is gone"):
        store.put(file, "memory://out/a.json")
    assert memory.find("/out") == []


# --- a batch ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_batch_from_a_store_into_a_store_continues_and_notices_changes(tmp_path):
    folder, out, place = tmp_path / "in", tmp_path / "out", tmp_path / "store"
    for name in ("a.wav", "sub/b.wav"):
        tone(folder / name)
    (folder / "bad.wav").write_bytes(b"nothing")
    (place / "sub").mkdir(parents=True)
    left = place / "sub" / ".b.wav.json-12345678.json"
    left.write_text("{")  # of a worker that was killed
    setup = Setup(out, SILENT, workers=1, reports=Reports(True, "auto"), resume=True,
                  results=place.as_uri())  # fmt: skip
    rows = run_batch([folder.as_uri()], setup).rows
    assert [row["state"] for row in rows] == ["done", "failed", "done"]
    assert rows[0]["json"] == f"{place.as_uri()}/a.wav.json"
    assert sorted(p.name for p in place.rglob("*") if p.is_file()) == [
        "a.wav.html", "a.wav.json", "b.wav.html", "b.wav.json",
    ]  # fmt: skip
    assert "data:" in (place / "a.wav.html").read_text() or "base64" in (
        place / "a.wav.html").read_text()  # fmt: skip
    page = (out / "index.html").read_text()
    assert f'href="{place.as_uri()}/a.wav.json"' in page
    before = finished(out)
    run_batch([folder.as_uri()], setup)
    assert finished(out) == before
    tone(folder / "a.wav", 0.75)
    (place / "sub" / "b.wav.json").unlink()
    run_batch([folder.as_uri()], setup)
    assert sorted(Path(p).name for p in finished(out)[len(before) :]) == ["a.wav", "b.wav"]
    assert not (out / "clips").exists()
