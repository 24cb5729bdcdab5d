"""The real clips, where they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .listen import listen

EXPECTED = {
    "WolfgangLanger_Pexels.mp4": ((640, 360), 99, 19.69),
    "churchill.wav": ((0, 0), 0, 10.454),
    "face_noface.mov": ((960, 540), 32, 6.396),
    "jfk.flac": ((0, 0), 0, 11.0),
    "obama_speech.mp4": ((320, 240), 44, 8.747),
    "single_face.mp4": ((640, 360), 12, 2.419),
    "small.mp4": ((560, 320), 28, 5.568),
    "test.mp4": ((596, 336), 23, 0.0),
    "test_video_audio_5_seconds.mp4": ((640, 360), 25, 5.017),
}


@pytest.mark.data
@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_clip(shared: Path, name: str) -> None:
    path = shared / "clips" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    size, frames, sound = EXPECTED[name]
    heard = listen(path, 5)
    assert (heard.facts.width, heard.facts.height) == size
    assert len(heard.frames) == frames
    assert len(heard.samples) / 16_000 == pytest.approx(sound, abs=0.01)
    assert all(frame.image.shape == (size[1], size[0], 3) for frame in heard.frames)
    assert heard.after.duration == pytest.approx(heard.facts.duration, abs=0.05)


@pytest.mark.data
def test_sound_that_begins_late(shared: Path) -> None:
    heard = listen(shared / "clips" / "face_noface.mov")
    first = np.flatnonzero(np.abs(heard.samples) > 1e-4)[0] / 16_000
    assert first == pytest.approx(2.43, abs=0.1)  # the audio stream starts at 2.430 s
