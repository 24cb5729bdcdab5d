"""What several tests share: where the real data is, and clips made once for a session."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

# Tests run several at a time: BLAS with a thread a core would spend most of its time waiting. Set
# before numpy is loaded, for the processes that tests start too.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    with contextlib.suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGINT, signal.default_int_handler)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


# --- under CI=true a skipped test is a failure -----------------------------------------------


def may_skip(node: pytest.Item | None) -> bool:
    """Whether CI allows the skip: mark ``data`` without the data sets, or mark ``gpu``."""
    if node is None:  # a whole module: its extra or its program is missing
        return False
    absent = node.get_closest_marker("data") is not None and not SHARED.is_dir()
    return absent or node.get_closest_marker("gpu") is not None


def refuse_skip(report: Any, node: pytest.Item | None) -> Any:
    """The report, failed if a skip is not allowed."""
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("CI") == "true" and not may_skip(node):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = (
            f"{report.nodeid} was skipped ({reason}). Under CI=true every test runs, except tests "
            "marked 'data' where ../shared/data is absent and tests marked 'gpu'; install what the "
            "test needs (.ci/run does) or mark it."
        )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Reports of single tests."""
    return refuse_skip((yield), item)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """Reports of modules, which ``importorskip`` skips as a whole."""
    return refuse_skip((yield), None)


# --- shared inputs ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data; the test is skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def demo_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clip of ``mien demo``: a portrait and a spoken sentence, about 5.5 s."""
    from mien.demo import make_clip

    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    make_clip(path)
    return path


@pytest.fixture(scope="session")
def sentence() -> Any:
    """The spoken sentence of ``mien demo``, samples at 16 kHz."""
    from mien.media import load_audio
    from mien.packs import EMBEDDED

    return load_audio(EMBEDDED / "demo" / "speech.flac")


@pytest.fixture(scope="session")
def tiny() -> Any:
    """Whisper tiny.en, whose weights come with mien."""
    from mien.perceive.engines import choose_engine

    return choose_engine("auto")
