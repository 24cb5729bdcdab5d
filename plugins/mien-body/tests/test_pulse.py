"""The remote pulse: planted in colours and in synthetic films of a face; absent where it is not."""

import numpy as np
import pytest

from mien.media.raster import ArrayRaster
from mien.perceive import PerceiveOptions, perceive
from mien.perceive.skin import skin_colour
from mien.scene import SHOTS, SKIN, ClipFacts, Frame
from mien_body.branch import BodyBranch
from mien_body.grid import Grid
from mien_body.pulse import FLICKER, FRAME_RATE, pos, remote_pulse, strongest

SKIN_BGR = np.array([95.0, 120.0, 170.0])
BLOOD = np.array([0.53, 0.77, 0.33])
"""How strongly the volume of blood changes blue, green and red (de Haan and van Leest 2014)."""


def grid(seconds):
    return Grid(np.arange(seconds) + 0.5, 0, 0, 0)


def colours(
    bpm, *, seconds=30, rate=15.0, strength=0.008, noise=0.15, flicker=0.0, hertz=1.3, seed=0
):
    """Times and mean skin colours of a face whose pulse is planted."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * bpm / 60 * t
    wave = np.sin(phase) + 0.3 * np.sin(2 * phase + 0.6) if bpm else np.zeros(len(t))
    light = 1 + flicker * np.sin(2 * np.pi * hertz * t) + 0.05 * np.sin(2 * np.pi * 0.07 * t)
    out = SKIN_BGR * (1 + strength * wave[:, None] * BLOOD) * light[:, None]
    return t, out + rng.normal(0, noise, out.shape)


@pytest.mark.parametrize("bpm", [45, 60, 75, 100, 140, 180])
def test_a_planted_pulse_is_found_in_every_second(bpm):
    pulse = remote_pulse(*colours(bpm), (), grid(30))
    assert np.isfinite(pulse.rate.numbers).mean() > 0.9
    assert np.nanmax(np.abs(pulse.rate.numbers - bpm)) < 3
    assert np.nanmedian(pulse.ratio.numbers) > 4


def test_the_ratio_falls_with_the_noise_and_at_last_there_is_none():
    medians, present = [], []
    for noise in (0.1, 0.3, 0.8, 3.0):
        pulse = remote_pulse(*colours(72, noise=noise), (), grid(30))
        medians.append(np.nanmedian(pulse.ratio.numbers))
        present.append(np.isfinite(pulse.rate.numbers).mean())
        found = pulse.rate.numbers[np.isfinite(pulse.rate.numbers)]
        assert np.all(np.abs(found - 72) < 4)
    assert medians[0] > medians[1] > max(medians[2:])
    assert present[0] == 1.0
    assert present[-1] < 0.1


@pytest.mark.parametrize("seed", range(12))
def test_without_a_pulse_there_is_none(seed):
    pulse = remote_pulse(*colours(0, noise=0.3, seed=seed), (), grid(30))
    assert np.isfinite(pulse.rate.numbers).mean() <= 0.05
    assert pulse.rate.values[15].startswith(("poor signal (-", "poor signal (0", "poor signal (1"))


@pytest.mark.parametrize("hertz", [0.9, 1.3, 2.1])
@pytest.mark.parametrize("strength", [0.02, 0.1])
def test_a_flicker_of_the_light_is_no_pulse(hertz, strength):
    times, flickering = colours(0, noise=0.1, flicker=strength, hertz=hertz)
    pulse = remote_pulse(times, flickering, (), grid(30))
    assert not np.isfinite(pulse.rate.numbers).any()
    # Light of another colour than the camera's white leaves more; then the reason is the flicker.
    tint = 0.03 * strength * np.sin(2 * np.pi * hertz * times)
    tinted = flickering * (1 + tint[:, None] * [0, 1, 0])
    pulse = remote_pulse(times, tinted, (), grid(30))
    assert not np.isfinite(pulse.rate.numbers).any()


def test_a_pulse_under_a_flickering_light_is_found():
    pulse = remote_pulse(*colours(72, flicker=0.03, hertz=2.3), (), grid(30))
    assert np.nanmedian(pulse.rate.numbers) == pytest.approx(72, abs=2)


@pytest.mark.parametrize("rate", [3.0, 5.0, 7.5])
def test_too_few_pictures_are_the_reason(rate):
    pulse = remote_pulse(*colours(72, rate=rate), (), grid(30))
    assert set(pulse.rate.values) == {f"{rate:.1f} pictures a second; at least 8 are needed"}


def test_gaps_cuts_and_unmeasured_looks_divide_the_face():
    times, seen = colours(72, seconds=40)
    away = (times > 13) & (times < 16)
    pulse = remote_pulse(times[~away], seen[~away], (), grid(40))
    assert pulse.rate.values[14] == "the face is not in view for 12 s"
    assert np.nanmedian(pulse.rate.numbers[:13]) == pytest.approx(72, abs=2)
    cut = remote_pulse(times, seen, (8.0, 16.0), grid(40))
    assert cut.rate.values[12] == "the face is not in view for 12 s"
    assert cut.rate.numbers[30] == pytest.approx(72, abs=2)
    nothing = remote_pulse(times, np.full_like(seen, np.nan), (), grid(40))
    assert set(nothing.rate.values) == {"no face whose skin can be seen"}


def test_pos_ignores_brightness_alone():
    t = np.arange(300) / 15
    light = 1 + 0.1 * np.sin(2 * np.pi * 1.2 * t)
    assert np.abs(pos(SKIN_BGR[::-1] * light[:, None], 15.0)).max() < 1e-9


def test_the_strongest_frequency_and_its_ratio():
    t = np.arange(180) / 15
    assert strongest(np.sin(2 * np.pi * 1.5 * t), 15.0)[0] == pytest.approx(1.5, abs=0.02)
    assert strongest(np.sin(2 * np.pi * 1.5 * t), 15.0)[1] > 10
    noise = np.random.default_rng(0).normal(size=180)
    assert strongest(noise, 15.0)[1] < 0


def test_the_colour_of_the_skin_leaves_out_hair_eyes_and_background():
    picture = np.full((200, 200, 3), 20, np.uint8)
    picture[50:150, 60:140] = SKIN_BGR.astype(np.uint8)
    picture[80:88, 75:90] = picture[80:88, 110:125] = 5
    colour = skin_colour(ArrayRaster(picture), (55.0, 40.0, 90.0, 115.0))
    assert np.allclose(colour, SKIN_BGR, atol=1)
    outside = skin_colour(ArrayRaster(picture), (250.0, 0.0, 40.0, 40.0))
    assert np.isnan(outside).all()


def test_the_branch_asks_for_skin_and_pictures_only_if_it_is_on():
    on, off = BodyBranch({"remote_pulse": True}).spec, BodyBranch({}).spec
    assert (set(on.needs), on.frame_rate) == ({SKIN, SHOTS}, FRAME_RATE)
    assert (off.needs, off.frame_rate) == ((), 0.0)


# --- films ------------------------------------------------------------------------------------


class Film:
    """A portrait that sways, with a planted pulse, noise and flicker."""

    def __init__(self, bpm, seconds=18, rate=30, strength=0.012, noise=2.0, flicker=0.0):
        self.facts = ClipFacts("film", "recording", float(seconds), "x", has_video=True,
                               width=480, height=360)  # fmt: skip
        self.made = (bpm, seconds, rate, strength, noise, flicker)

    def close(self):
        pass

    def play(self, wanted):
        import cv2
        from matplotlib import cbook

        bpm, seconds, rate, strength, noise, flicker = self.made
        portrait = cv2.imread(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
        wide, rng, due = portrait.shape[1], np.random.default_rng(0), 0.0
        for i in range(seconds * rate):
            t = i / rate
            if t < due - 1e-9:
                continue
            due = np.floor(t * wanted + 1e-6 + 1) / wanted
            across = 240 - 0.75 * wide / 2 + 6 * np.sin(0.8 * t)
            down = 180 - 0.75 * 0.37 * portrait.shape[0]
            place = np.array([[0.75, 0, across], [0, 0.75, down]])
            moved = cv2.warpAffine(portrait, place, (480, 360), borderMode=cv2.BORDER_REPLICATE)
            phase = 2 * np.pi * bpm / 60 * t
            wave = np.sin(phase) + 0.3 * np.sin(2 * phase + 0.6) if bpm else 0.0
            shown = moved * (1 + strength * wave * BLOOD) * (1 + flicker * np.sin(8.2 * t))
            shown += rng.normal(0, noise, shown.shape)
            yield Frame(t, ArrayRaster(np.clip(np.rint(shown), 0, 255).astype(np.uint8)))


def measured(film, rate=FRAME_RATE):
    scene = perceive(film, {SKIN}, PerceiveOptions(frame_rate=rate, asr="none"))
    samples = scene.get(SKIN).of(0)
    seconds = int(scene.facts.duration)
    return remote_pulse(samples.times, np.asarray(samples.skin, float), (), grid(seconds))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bpm", "more"),
    [(52, {}), (72, {"noise": 6.0}), (110, {"rate": 25}), (160, {}), (72, {"flicker": 0.03}),
     (72, {"strength": 0.005})],
)  # fmt: skip
def test_a_pulse_planted_in_a_film_is_found(bpm, more):
    pulse = measured(Film(bpm, **more))
    assert np.isfinite(pulse.rate.numbers).mean() > 0.8
    assert np.nanmedian(pulse.rate.numbers) == pytest.approx(bpm, abs=2.5)


@pytest.mark.slow
@pytest.mark.parametrize("more", [{}, {"flicker": 0.03}, {"flicker": 0.05, "noise": 1.0}])
def test_a_film_without_a_pulse_has_none_and_a_reason(more):
    pulse = measured(Film(0, **more))
    assert np.isfinite(pulse.rate.numbers).mean() <= 0.1
    reasons = {v.split(" (")[0] for v in pulse.rate.values if isinstance(v, str)}
    assert reasons <= {"poor signal", FLICKER, "the rate leaps"}


@pytest.mark.slow
def test_at_the_usual_frame_rate_it_is_absent():
    pulse = measured(Film(72, seconds=14), 5.0)
    assert set(pulse.rate.values) == {"5.0 pictures a second; at least 8 are needed"}


def test_a_film_that_is_looked_at_for_its_skin_gives_colours_and_else_none():
    film = Film(72, seconds=2, rate=10)
    with_skin = perceive(film, {SKIN}, PerceiveOptions(frame_rate=5.0, asr="none"))
    assert np.isfinite(with_skin.get(SKIN).of(0).skin).all()
    from mien.scene import FACES

    without = perceive(Film(72, seconds=2, rate=10), {FACES}, PerceiveOptions(frame_rate=5.0))
    assert np.isnan(without.get(FACES).of(0).skin).all()
    assert without.get(SKIN) is None
