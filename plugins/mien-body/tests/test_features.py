"""Heart, skin and breath against planted answers, and against HeartPy and neurokit2 themselves."""

import warnings

import numpy as np
import pytest

from mien_body import breath, heart, skin
from mien_body.features import features
from mien_body.grid import Grid
from mien_body.measured import BodyFile, Series, Wave
from mien_body.quality import grade, motion

RATE = 100.0


def grid(seconds, start=0):
    return Grid(np.arange(start, start + seconds) + 0.5, 0.0, float(start + seconds), 0.0)


def wave(samples, kind="ppg", rate=RATE, unit="", start=0.0):
    return Wave(kind, kind, unit, start, rate, np.asarray(samples, float))


def pulses(beats, seconds, rate=RATE, noise=0.01, seed=0):
    """A pulse wave with a systolic and a dicrotic peak for each beat."""
    t = np.arange(int(seconds * rate)) / rate
    out = np.random.default_rng(seed).normal(0, noise, len(t))
    for beat in beats:
        out += np.exp(-(((t - beat) / 0.09) ** 2)) + 0.35 * np.exp(-(((t - beat - 0.3) / 0.1) ** 2))
    return out


def beats_at(bpm, seconds, spread=0.0, seed=0):
    rng = np.random.default_rng(seed)
    lengths = 60 / bpm + rng.normal(0, spread, int(seconds * bpm / 60) + 5)
    beats = 0.4 + np.cumsum(lengths)
    return beats[beats < seconds - 0.5]


def sure(beats):
    return heart.Beats(beats, np.ones(len(beats)))


def near(found, wanted, tolerance):
    """Share of ``wanted`` that have one of ``found`` within a tolerance."""
    found = np.asarray(found)
    return np.mean([np.abs(found - one).min() <= tolerance for one in np.asarray(wanted)])


# --- the heart --------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [48, 72, 120, 165])
def test_a_planted_rate_is_found_in_every_second(neurokit2, bpm):
    file = BodyFile("a", "CSV", (wave(pulses(beats_at(bpm, 60), 60)),))
    track = features(file, grid(60), 60.0).tracks["heart rate"]
    assert np.isfinite(track.numbers).mean() > 0.95
    assert np.nanmax(np.abs(track.numbers - bpm)) < 0.03 * bpm
    assert np.nanmean(track.quality) > 0.8


@pytest.mark.parametrize("spread", [0.01, 0.03, 0.06])
def test_rmssd_is_that_of_the_planted_intervals_and_of_neurokit2(neurokit2, spread):
    beats = beats_at(70, 120, spread)
    found = heart.rmssd(heart.between(sure(beats), None, 0.0), grid(120), 60.0)
    middle = beats[(beats >= 30) & (beats <= 90)]
    planted = 1000 * np.sqrt(np.mean(np.diff(np.diff(middle)) ** 2))
    assert found.numbers[60] == pytest.approx(planted, rel=0.05)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = np.round(middle * 1000).astype(int)
        theirs = neurokit2.hrv_time(samples, sampling_rate=1000)["HRV_RMSSD"].iloc[0]
    assert found.numbers[60] == pytest.approx(theirs, rel=0.05)


def test_missed_and_extra_beats_do_not_count():
    beats = beats_at(60, 120)
    wrong = np.sort(np.append(np.delete(beats, [30, 70]), beats[50] + 0.35))
    found = heart.between(sure(wrong), None, 0.0)
    assert (~found.good).sum() == 4
    assert heart.heart_rate(found, grid(118), None, 0.0).numbers[100] == pytest.approx(60, abs=0.1)
    assert heart.rmssd(found, grid(118), 60.0).numbers[60] < 1.0


@pytest.mark.parametrize("kind", ["ppg", "ecg"])
@pytest.mark.parametrize("seed", range(3))
def test_noise_gives_no_heart_rate(neurokit2, kind, seed):
    rng = np.random.default_rng(seed)
    file = BodyFile("a", "CSV", (wave(rng.normal(0, 1, 6000), kind),))
    track = features(file, grid(60), 60.0).tracks["heart rate"]
    assert np.isfinite(track.numbers).mean() < 0.1


@pytest.mark.parametrize("name", ["data", "data3"])
def test_real_pulse_waves_as_heartpy_reads_them(heartpy, neurokit2, recordings, name):
    """The peaks that HeartPy accepts, within 0.1 s, and its mean rate, within 1 beat a minute."""
    _, rate, samples = recordings[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, measures = heartpy.process(samples, rate)
    accepted = [p / rate for p, ok in zip(theirs["peaklist"], theirs["binary_peaklist"],
                                          strict=True) if ok]  # fmt: skip
    beats = heart.beats_of(wave(samples, rate=rate))
    assert near(beats.times, accepted, 0.1) > 0.98
    assert near(np.array(theirs["peaklist"]) / rate, beats.times, 0.1) > 0.98
    found = heart.between(beats, None, 0.0)
    mean = 60 / found.lengths[found.good].mean()
    assert mean == pytest.approx(measures["bpm"], abs=1.0)


def test_a_real_pulse_wave_with_a_noisy_start_is_absent_there(heartpy, neurokit2, recordings):
    """HeartPy rejects all but two peaks of the first 35 s; the rest is at its rate."""
    _, rate, samples = recordings["data2"]
    file = BodyFile("a", "CSV", (wave(samples, rate=rate),))
    rates = features(file, grid(125), 60.0).tracks["heart rate"].numbers
    assert np.isfinite(rates[:35]).mean() < 0.2
    assert np.isfinite(rates[45:78]).mean() > 0.8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, measures = heartpy.process(samples, rate)
    assert np.nanmean(rates) == pytest.approx(measures["bpm"], abs=3.0)


def test_r_peaks_are_those_of_a_simulated_electrocardiogram(neurokit2):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = neurokit2.ecg_simulate(
            duration=30, sampling_rate=250, heart_rate=80, method="simple", noise=0.02,
            random_state=1,
        )  # fmt: skip
    beats = heart.beats_of(wave(samples, "ecg", 250.0)).times
    assert 60 / np.median(np.diff(beats)) == pytest.approx(80, abs=1)
    at = np.round(beats * 250).astype(int)
    assert (samples[at] > 0.8 * samples.max()).mean() > 0.95


def test_rates_of_a_device_are_taken_where_they_are_plausible():
    times = np.array([0.0, 5.0, 10.0, 40.0, 45.0])
    series = Series("hr", "HR", times, np.array([60.0, 65.0, 70.0, 250.0, 250.0]))
    track = features(BodyFile("a", "x", (), (series,)), grid(46), 60.0).tracks["heart rate"]
    assert track.numbers[5] == pytest.approx(65.5)
    assert track.values[25] == "nothing was recorded"
    assert track.values[42].startswith("implausible (2")


# --- the skin ---------------------------------------------------------------------------------


def conductance(peaks, seconds=120.0, rate=10.0, level=4.0):
    t = np.arange(int(seconds * rate)) / rate
    out = level + 0.002 * t
    for at in peaks:
        s = np.clip(t - at + 1.5, 0, None)
        out += 0.4 * (s / 1.5) * np.exp(1 - s / 1.5)
    return out


def test_planted_responses_are_found_and_counted(neurokit2):
    planted = [20, 35, 60, 75, 95]
    file = BodyFile("a", "CSV", (wave(conductance(planted), "eda", 10.0, "us"),))
    found = features(file, grid(120), 60.0)
    peaks, sizes = found.peaks
    large = sizes > 0.15  # after a response the filter leaves a small rise of its own
    assert len(peaks) <= 6
    assert large.sum() == 5
    assert near(peaks[large], planted, 1.0) == 1.0
    assert sizes.max() < 0.6
    assert np.nanmedian(found.tracks["skin level"].numbers) == pytest.approx(4.2, abs=0.25)
    assert found.tracks["skin response rate"].numbers[60] == pytest.approx(3, abs=1)


def test_responses_are_those_of_neurokit2(neurokit2):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = neurokit2.eda_simulate(
            duration=90, sampling_rate=50, scr_number=6, noise=0, drift=-0.01, random_state=4
        )
        _, info = neurokit2.eda_process(samples, sampling_rate=50)
    found = skin.responses(wave(samples, "eda", 50.0, "us"))
    big = info["SCR_Peaks"][info["SCR_Amplitude"] > 0.1 * np.nanmax(info["SCR_Amplitude"])]
    assert len(found.peaks) == pytest.approx(len(big), abs=1)
    assert near(found.peaks, big / 50, 1.0) > 0.8


def test_without_contact_there_is_no_level(neurokit2):
    samples = conductance([30, 60])
    samples[500:700] = 0.001
    file = BodyFile("a", "CSV", (wave(samples, "eda", 10.0, "us"),))
    track = features(file, grid(120), 60.0).tracks["skin level"]
    assert {track.values[i] for i in range(52, 68)} <= {"no contact with the skin", "flat line"}
    assert np.isfinite(track.numbers[:48]).all()


# --- the breath -------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [8, 15, 24])
def test_a_planted_breath_rate_is_found(neurokit2, rate):
    t = np.arange(0, 90, 1 / 25)
    samples = np.sin(2 * np.pi * rate / 60 * t) + np.random.default_rng(0).normal(0, 0.05, len(t))
    file = BodyFile("a", "CSV", (wave(samples, "resp", 25.0),))
    track = features(file, grid(90), 60.0).tracks["breath rate"]
    assert np.isfinite(track.numbers).mean() > 0.9
    assert np.nanmedian(track.numbers) == pytest.approx(rate, rel=0.05)


def test_breaths_are_those_of_neurokit2(neurokit2):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = neurokit2.rsp_simulate(
            duration=60, sampling_rate=50, respiratory_rate=14, random_state=2
        )
        _, info = neurokit2.rsp_process(samples, sampling_rate=50)
    assert np.allclose(breath.breaths_of(wave(samples, "resp", 50.0)), info["RSP_Peaks"] / 50)


# --- quality ----------------------------------------------------------------------------------


def test_each_fault_is_found_in_its_seconds_and_nowhere_else():
    samples = pulses(beats_at(72, 60), 60, noise=0.02)
    samples[1000:1300] = samples[1000]
    samples[2000:2400] = np.nan
    samples[3000:3300] = np.clip(3 * np.sin(np.arange(300) / 5), -2, 2)
    graded = grade(wave(samples), None)
    assert graded.reasons[10:13] == ("flat line",) * 3
    assert graded.reasons[20:24] == ("nothing was recorded",) * 4
    assert all(reason.startswith("clipped") for reason in graded.reasons[30:33])
    others = [i for i in range(60) if not (10 <= i < 13 or 20 <= i < 24 or 30 <= i < 33)]
    assert not any(graded.reasons[i] for i in others)
    assert (graded.quality[others] > 0.95).all()
    assert not graded.quality[[11, 21, 31]].any()


def test_movement_lowers_the_quality_and_beyond_use_it_is_the_reason():
    rng = np.random.default_rng(0)
    acc = np.tile([0.0, 0.0, 1.0], (32 * 60, 1)) + rng.normal(0, 0.005, (32 * 60, 3))
    acc[32 * 20 : 32 * 25, 2] += rng.normal(0, 0.3, 160)
    acc[32 * 40 : 32 * 45, 2] += rng.normal(0, 1.2, 160)
    moved = motion(Wave("acc", "ACC", "g", 0.0, 32.0, acc), 0.0, 60)
    graded = grade(wave(pulses(beats_at(72, 60), 60, noise=0.02)), moved)
    assert (graded.quality[:20] > 0.95).all()
    assert (graded.quality[20:25] < 0.8).all()
    assert not any(graded.reasons[20:25])
    assert all(reason.startswith("motion (") for reason in graded.reasons[40:45])


def test_a_channel_that_is_bad_as_a_whole_says_why(neurokit2):
    flat = BodyFile("a", "CSV", (wave(np.full(6000, 3.0)),))
    assert set(features(flat, grid(60), 60.0).tracks["heart rate"].values) == {"flat line"}
    short = BodyFile("a", "CSV", (wave(pulses([1, 2, 3], 4)),))
    (reason,) = set(features(short, grid(60), 60.0).tracks["heart rate"].values)
    assert reason == "4 s of it lie in the recording; at least 10 are needed"


def oddities():
    rng = np.random.default_rng(0)
    spike = np.zeros(6000)
    spike[3000] = 1.0
    gappy = rng.normal(0, 1, 6000)
    gappy[rng.random(6000) < 0.4] = np.nan
    return {
        "one spike": spike,
        "a step": np.repeat([0.0, 1.0], 3000),
        "a ramp": np.linspace(-5, 5, 6000),
        "huge": rng.normal(0, 1e12, 6000),
        "tiny": rng.normal(0, 1e-12, 6000),
        "gaps": gappy,
        "mostly missing": np.where(np.arange(6000) % 100 < 30, 1.0, np.nan),
        "square": np.sign(np.sin(np.arange(6000) / 9)),
        "almost flat": 1 + 1e-9 * rng.normal(0, 1, 6000),
        "two values": rng.integers(0, 2, 6000).astype(float),
    }


@pytest.mark.parametrize("kind", ["ecg", "ppg", "eda", "resp"])
@pytest.mark.parametrize("name", list(oddities()))
def test_an_odd_channel_gives_values_or_reasons_and_no_error(neurokit2, kind, name):
    file = BodyFile("a", "CSV", (wave(oddities()[name], kind),))
    for track in features(file, grid(60), 60.0).tracks.values():
        assert len(track.values) == len(track.quality) == 60
        numbers = track.numbers[np.isfinite(track.numbers)]
        assert sum(isinstance(v, str) for v in track.values) == 60 - len(numbers)
        assert all(v for v in track.values if isinstance(v, str))
        assert np.isfinite(track.quality).all()
