"""What the package promises of itself: its names, its weight, its silence."""

import subprocess
import sys

import mien

NAMES = {
    "MIEN7", "Analysis", "Analyzer", "Evidence", "FaceOptions", "FusionOptions", "MediaOptions",
    "LabelMap", "MienError",
    "Options", "Segment", "SegmentationOptions", "SpeechOptions", "analyze", "analyze_text",
}  # fmt: skip


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout.strip()


def test_public_names_are_exactly_these():
    assert set(mien.__all__) == NAMES
    assert len(NAMES) <= 15
    for name in NAMES:
        assert getattr(mien, name) is not None


def test_analyze_stays_a_function_whatever_is_imported():
    code = (
        "import mien, mien.analyzer, mien.cli; print(callable(mien.analyze));"
        "from mien import analyze; print(analyze is mien.analyze)"
    )
    assert run(code).split() == ["True", "True"]


def test_import_is_light_and_has_no_side_effect():
    code = (
        "import os, sys, time, logging, threading; before = dict(os.environ);"
        "t = time.perf_counter(); import mien; spent = time.perf_counter() - t;"
        "heavy = {'torch', 'av', 'cv2', 'onnxruntime', 'matplotlib', 'pandas', 'numpy'};"
        "print(spent < 0.2, sorted(heavy & set(sys.modules)), dict(os.environ) == before,"
        " logging.root.handlers, threading.active_count())"
    )
    assert run(code) == "True [] True [] 1"


def test_the_whole_path_runs_without_torch_and_without_a_network(demo_clip):
    code = (
        "import sys, socket\n"
        "def no(*a, **k): raise AssertionError('the network was touched')\n"
        "socket.socket.connect = no; socket.getaddrinfo = no\n"
        f"import mien; a = mien.analyze({str(demo_clip)!r})\n"
        "print(a.fused.top(0) is not None, 'torch' in sys.modules, 'pandas' in sys.modules)"
    )
    assert run(code) == "True False False"
