"""Shot boundaries: planted cuts, pans, flashes and fades, and the cuts of real clips."""

import numpy as np
import pytest

from mien.media import ArrayRaster, open_clip
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.shots import ShotFinder
from mien.scene import SHOTS, Frame

RNG = np.random.default_rng(0)


def shot(seed, width=900):
    """A wide picture of coloured patches, the same for the same seed."""
    import cv2

    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (9, width // 40, 3)).astype(np.uint8)
    return cv2.resize(coarse, (width, 180), interpolation=cv2.INTER_CUBIC)


def boundaries(pictures, rate=5.0):
    finder = ShotFinder()
    for i, picture in enumerate(pictures):
        noise = RNG.integers(0, 6, picture.shape)
        finder.look(Frame(i / rate, ArrayRaster(np.clip(picture + noise, 0, 255).astype(np.uint8))))
    return finder.finish()


def still(seed, count):
    return [shot(seed)[:, :320]] * count


def fade(picture, levels):
    return [(picture * level).astype(np.uint8) for level in levels]


@pytest.mark.parametrize("rate", [2.0, 5.0, 12.0])
def test_planted_cuts_are_found_where_they_are(rate):
    n = round(3 * rate)
    found = boundaries(still(1, n) + still(2, n) + still(3, n) + still(1, n), rate)
    assert found == pytest.approx((3.0, 6.0, 9.0))


@pytest.mark.parametrize(("rate", "seconds"), [(5.0, 0.8), (5.0, 1.0), (10.0, 1.0), (5.0, 1.4)])
def test_a_film_that_is_cut_all_the_time_has_all_its_cuts(rate, seconds):
    n = round(rate * seconds)
    film = [picture for k in range(20) for picture in still(k % 4, n)]
    assert boundaries(film, rate) == pytest.approx(np.arange(1, 20) * seconds)


def test_a_shaken_camera_makes_no_cuts():
    rng, wide = np.random.default_rng(3), shot(4, 900)
    places = (300 + 40 * rng.standard_normal(60) * (np.arange(60) > 3)).astype(int)
    assert boundaries([wide[:, x : x + 320] for x in places]) == ()


def test_a_pan_is_no_cut_but_a_cut_within_pans_is():
    wide = shot(4, 1600)
    pan = [wide[:, x : x + 320] for x in range(0, 1200, 30)]
    assert boundaries(pan) == ()
    slow = [[shot(n, 1600)[:, x : x + 320] for x in range(0, 150, 10)] for n in (4, 5)]
    assert boundaries(slow[0] + slow[1]) == pytest.approx((3.0,))


def test_a_flash_and_a_passing_shadow_are_no_cuts():
    white = [np.full((180, 320, 3), 255, np.uint8)]
    assert boundaries(still(1, 10) + white + still(1, 10)) == ()
    assert boundaries(still(1, 10) + still(2, 1) + still(1, 10)) == ()


def test_a_fade_through_black_is_one_cut_and_back_to_the_same_is_none():
    down, up = np.linspace(1, 0, 6), np.linspace(0, 1, 6)
    away = still(1, 10) + fade(shot(1)[:, :320], down)
    (cut,) = boundaries(away + fade(shot(2)[:, :320], up) + still(2, 10))
    assert 2.8 <= cut <= 3.8
    assert boundaries(away + fade(shot(1)[:, :320], up) + still(1, 10)) == ()
    assert boundaries(fade(shot(1)[:, :320], up) + still(1, 10)) == ()


def test_one_picture_and_none_have_no_cuts():
    assert boundaries(still(1, 1)) == ()
    assert ShotFinder().finish() == ()


@pytest.mark.data
def test_the_cuts_of_real_clips_are_where_a_viewer_sees_them(shared):
    seen = {"test.avi": (13.4, 24.3), "face_noface.mov": (2.4,), "obama_speech.mp4": (),
            "test.mp4": (), "test_video_audio_5_seconds.mp4": (3.7,)}  # fmt: skip
    for name, times in seen.items():
        clip = open_clip(shared / "clips" / name)
        scene = perceive(clip, [SHOTS], PerceiveOptions())
        clip.close()
        assert scene.get(SHOTS) == pytest.approx(times, abs=0.22), name
