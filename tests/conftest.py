"""What several tests share: where the real data is, and clips made once for a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


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
