"""Nothing leaves the machine: no look-up, no connection, no file outside the outputs and caches."""

import pytest

from tests.guarded import strace, watch
from tests.planted import write_faces

# What mien and its dependencies may leave in the home folder; docs/privacy.md names them too.
CACHES = (".cache/mien", ".cache/matplotlib", ".config/matplotlib")
# Calls ONNX Runtime, and so its telemetry, and looks a name up in native code.
NATIVE = """
import ctypes, ctypes.util
import onnxruntime
ctypes.CDLL(None).getaddrinfo(b"mien.invalid", None, None, ctypes.byref(ctypes.c_void_p()))
"""
PYTHON = """
import pathlib, socket
try:
    socket.create_connection(("127.0.0.1", 9), 1)
except OSError:
    pass
pathlib.Path.home().joinpath("left").write_text("x")
"""
BATCH = """
import multiprocessing, sys
import mien

def one(path):
    return mien.analyze(path).fused.top(0)

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(one, sys.argv[1:]))
    print([found.fused.top(0) for found in mien.analyze_text(["I am so happy!"] * 3)])
"""


def clean(seen, folder):
    """No network; files in the outputs, the caches and the folder for temporary files alone."""
    assert seen.code == 0, seen.output
    assert seen.network == []
    home = folder / "home"
    places = [home / name for name in CACHES]
    made = {p for place in places for p in place.parents if p.is_relative_to(home)}  # the way there
    seen.written = [p for p in seen.written if p not in made]
    assert seen.outside(folder / "work", folder / "temporary", *places) == []
    left = [p for p in home.rglob("*") if p.is_file()]
    assert [p for p in left if not any(map(p.is_relative_to, places))] == []
    assert [p for p in (folder / "temporary").rglob("*") if p.is_file()] == []


# --- the watch sees what it is for -----------------------------------------------------------


def test_what_python_does_is_seen(tmp_path):
    seen = watch(["-c", PYTHON], tmp_path, native=False)
    assert any("socket.getaddrinfo ('127.0.0.1', 9" in line for line in seen.network)
    assert any("socket.connect ('127.0.0.1', 9)" in line for line in seen.network)
    assert seen.outside(tmp_path / "work") == [str(tmp_path / "home" / "left")]


def test_what_native_code_does_is_seen(tmp_path):
    if strace() is None:
        pytest.skip("strace is not installed or may not trace")
    seen = watch(["-c", NATIVE], tmp_path, native=True)
    assert seen.network
    written = " ".join(seen.outside(tmp_path / "work"))
    assert "Microsoft/DeveloperTools/.onnxruntime/" in written
    assert f"{tmp_path / 'temporary'}/.ses" in written


# --- what mien does --------------------------------------------------------------------------


def test_an_analysis_and_all_its_outputs(demo_clip, tmp_path):
    outputs = {"--json": "a.json", "--figure": "a.png", "--report": "a.html"}
    words = [word for pair in outputs.items() for word in pair]
    seen = watch(["-m", "mien", "analyze", str(demo_clip), *words], tmp_path)
    clean(seen, tmp_path)
    assert {p.name for p in (tmp_path / "work").iterdir()} == set(outputs.values())


@pytest.mark.slow
def test_an_analysis_in_the_sandbox(demo_clip, tmp_path):
    words = ["analyze", "--sandbox", str(demo_clip), "--json", "a.json"]
    clean(watch(["-m", "mien", *words], tmp_path), tmp_path)
    assert (tmp_path / "work" / "a.json").is_file()


@pytest.mark.slow
def test_a_batch_in_processes_of_its_own(demo_clip, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "batch.py").write_text(BATCH)
    (tmp_path / "work" / "note.txt").write_text("I am so sad.")
    seen = watch(["batch.py", "note.txt", str(demo_clip)], tmp_path)
    clean(seen, tmp_path)
    assert "'sadness'" in seen.output


@pytest.mark.slow
def test_the_command_for_many_recordings(demo_clip, tmp_path):
    words = ["batch", str(demo_clip), "--out", "out", "--workers", "2", "--reports"]
    clean(watch(["-m", "mien", *words], tmp_path), tmp_path)
    assert (tmp_path / "work" / "out" / "index.html").is_file()


@pytest.mark.slow
def test_a_training(tmp_path):
    """One epoch of the face net: torch, export to ONNX, quantisation, checks by ONNX Runtime."""
    (tmp_path / "work").mkdir()
    faces = str(write_faces(tmp_path / "faces.npz"))
    words = ["-m", "mien", "train", "face", "--data", faces, "--epochs", "1", "--out", "pack"]
    seen = watch(words, tmp_path)
    clean(seen, tmp_path)
    assert (tmp_path / "work" / "pack" / "model.onnx").is_file()


# --- ONNX Runtime that was loaded before mien ------------------------------------------------

FIRST = "import onnxruntime, mien; print(mien.analyze_text('I am so happy!').fused.top(0))"


def test_a_library_that_was_loaded_before_is_named(tmp_path):
    seen = watch(["-c", FIRST], tmp_path, native=False)
    assert "UserWarning: ONNX Runtime was loaded before mien" in seen.output
    assert "ORT_DISABLE_TELEMETRY=1" in seen.output
    assert "joy" in seen.output


def test_with_the_setting_in_the_environment_nothing_is_said(tmp_path):
    seen = watch(["-c", FIRST], tmp_path, native=False, ORT_DISABLE_TELEMETRY="1")
    assert seen.output.strip() == "joy"
    clean(seen, tmp_path)


@pytest.mark.parametrize("before", ["", "0", "1"])
def test_a_choice_of_the_user_stays_and_an_empty_one_is_none(tmp_path, before):
    code = (
        "import os; from mien.packs import load_onnxruntime; load_onnxruntime();"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])"
    )
    seen = watch(["-c", code], tmp_path, native=False, ORT_DISABLE_TELEMETRY=before)
    assert seen.output.strip() == (before or "1")
