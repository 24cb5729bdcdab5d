"""The parts of live analysis, against what does the same for a whole recording."""

import os
import signal
import threading
import time
import wave
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mien.demo import portrait_pictures
from mien.errors import MediaError
from mien.live.plan import HANGOVER, LONGEST, Plan
from mien.live.rings import CropRing, SoundRing
from mien.live.windows import SETTLED, Reached, Windows
from mien.media import ArrayRaster, AudioSpool, load_audio
from mien.media.push import PushedSound
from mien.perceive.detectors import make_detector
from mien.perceive.engines.chunks import chunks, widened
from mien.perceive.faces import FaceFinder
from mien.perceive.listening import SpeechListener
from mien.perceive.shots import ShotFinder
from mien.perceive.speech import find_speech
from mien.sandbox import ConfinedDecoder
from mien.scene import Frame, Speech
from mien.timebase import Clock, Segment

RATE = 16_000


# --- sound ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (44_100, 2), (16_000, 1), (8000, 2)])
@pytest.mark.parametrize("kind", ["int16", "float32"])
def test_pushed_sound_is_that_of_a_file(tmp_path, sentence, rate, channels, kind):
    path = tmp_path / "sound.wav"
    times = np.arange(len(sentence) * rate // RATE) / rate
    mono = np.interp(times, np.arange(len(sentence)) / RATE, sentence)
    samples = (np.stack([mono, 0.5 * mono][:channels], axis=1) * 32767).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    whole = load_audio(path)
    given = samples if kind == "int16" else (samples / 32768).astype(np.float32)
    given = given[:, 0] if channels == 1 else given
    sound, random = PushedSound(rate, channels), np.random.default_rng(1)
    blocks, at = [], 0
    while at < len(given):
        size = int(random.integers(1, rate // 5))
        blocks += sound.push(given[at : at + size])
        at += size
    pushed = np.concatenate([*blocks, *sound.finish()])
    assert abs(len(pushed) - len(whole)) <= 1
    n = min(len(pushed), len(whole))
    assert np.abs(pushed[:n] - whole[:n]).max() < 1e-3


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 900), max_size=12), st.integers(0, 3000), st.integers(0, 900))
def test_a_ring_holds_the_last_of_the_sound(sizes, first, count):
    ring, whole = SoundRing(1000 / RATE), np.zeros(0, np.float32)
    for i, size in enumerate(sizes):
        part = np.full(size, (i % 7) / 8, np.float32)
        ring.append(part)
        whole = np.concatenate([whole, part])
    kept = max(0, len(whole) - 1000)
    assert ring.duration == len(whole) / RATE
    assert ring.first == kept / RATE
    wanted = whole[max(first, kept) : first + count]
    read = ring.read(Segment(first / RATE, (first + count) / RATE))
    assert np.array_equal(read, wanted)


def test_a_ring_of_crops_goes_on():
    ring = CropRing(3)
    for i in range(5):
        assert ring.append(np.full((48, 48), i, np.uint8)) == i
    assert (ring.first, len(ring)) == (2, 5)
    assert ring.take([4, 2, 1])[:, 0, 0].tolist() == [4, 2, 0]
    with pytest.raises(IndexError):
        ring.take([5])


@pytest.mark.parametrize("loudness", [1.0, 0.05])
@pytest.mark.parametrize("push", [300, 1600, 40_000])
def test_speech_is_found_while_it_comes(sentence, loudness, push):
    """The same turns as in the whole, at whatever level and in whatever blocks."""
    quiet = np.zeros(RATE * 2, np.float32)
    sound = loudness * np.concatenate([quiet, sentence, quiet, sentence[:RATE], quiet])
    sound += np.random.default_rng(0).normal(0, 1e-4, len(sound)).astype(np.float32)
    spool, ring = AudioSpool(), SoundRing(60)
    spool.append(sound)
    listener = SpeechListener(ring, 50)
    for at in range(0, len(sound), push):
        ring.append(sound[at : at + push])
        listener.listen()
    listener.finish()
    whole, live = find_speech(spool).turns, listener.turns()
    assert len(live) == len(whole) >= 2
    for one, other in zip(live, whole, strict=True):
        assert abs(one.start - other.start) < 0.07
        assert abs(one.end - other.end) < 0.07


def test_of_a_long_sound_the_last_turns_are_kept(sentence):
    ring = SoundRing(20)
    listener = SpeechListener(ring, 10)
    for _ in range(8):
        ring.append(sentence)
        listener.listen()
    assert listener.reached == pytest.approx(ring.duration, abs=0.04)
    assert min(turn.start for turn in listener.turns()) >= listener.reached - 10.1


# --- which speech is recognised when ------------------------------------------------------------


def turns_strategy():
    pairs = st.tuples(st.floats(0.3, 4.0), st.floats(0.3, 14.0))
    return st.lists(pairs, min_size=1, max_size=8)


def laid_out(pairs):
    turns, at = [], 0.0
    for pause, length in pairs:
        turns.append(Segment(round(at + pause, 2), round(at + pause + length, 2)))
        at = turns[-1].end
    return turns, at + 3.0


class Noise:
    """Sound whose loudness varies, the same at every call."""

    def __init__(self, seconds):
        rng = np.random.default_rng(3)
        self._samples = rng.normal(0, 1, round(seconds * 100)).astype(np.float32)
        self.duration = seconds

    def read(self, segment):
        rows = np.arange(round(segment.start * RATE), round(segment.end * RATE))
        return self._samples[np.minimum(rows * 100 // RATE, len(self._samples) - 1)]


@settings(max_examples=25, deadline=None)
@given(turns_strategy(), st.floats(0.2, 0.9))
def test_the_chunks_are_those_of_an_analysis(pairs, step):
    """Whenever it is asked, what is handed out in the end is what the whole is cut into."""
    turns, end = laid_out(pairs)
    audio = Noise(end)
    plan, got, said, now = Plan(28.0, 2.0), [], [], 0.0
    while now < end:
        now = min(now + step, end)
        known = [Segment(t.start, min(t.end, now)) for t in turns if t.start < now]
        said += [(heard, now) for heard in plan.utterances(known, now, audio, False)]
        got += plan.chunks(known, now, audio, False)
    said += [(heard, now) for heard in plan.utterances(turns, end, audio, True)]
    got += plan.chunks(turns, end, audio, True)
    whole = chunks(Speech(tuple(turns)), audio, 28.0, 2.0)
    assert [heard.segment for heard in got] == whole
    wide = widened(whole, Segment(0, end))
    for heard, sound in zip(got, wide, strict=True):
        assert heard.sound.start == pytest.approx(sound.start, abs=0.01)
        assert heard.sound.end == pytest.approx(sound.end, abs=0.31)
    assert plan.open_since is None
    # Utterances cover each turn once, soon after it ends, and none is long.
    for turn in turns:
        own = [(h, at) for h, at in said if turn.overlap(h.segment) > 0.01]
        assert sum(h.segment.duration for h, _ in own) == pytest.approx(turn.duration, abs=0.06)
        assert own[-1][0].over
        assert own[-1][1] <= turn.end + HANGOVER + step + 0.01
        assert all(h.segment.duration <= LONGEST for h, _ in own)
        assert all(not h.over for h, _ in own[:-1])


@settings(max_examples=50, deadline=None)
@given(st.floats(0.5, 30), st.floats(0.3, 6), st.floats(0.1, 1.0), st.floats(0.1, 3))
def test_the_windows_are_those_of_the_grid(duration, window, share, pace):
    step = window * share
    windows, found, now = Windows(window, step), [], 0.0
    while now + pace < duration:
        now += pace
        settled = windows.settled(Reached(now, now, None))
        assert all(one.end + SETTLED <= now for one in settled)
        found += settled
    found += windows.last(duration)
    assert found == list(Clock(0.0, step, window).windows(Segment(0.0, duration)))


def test_a_window_waits_for_its_words_and_its_pictures():
    windows = Windows(5.0, 2.5)
    assert windows.ended(Reached(5.0, 2.0, 4.0)) == [Segment(0, 5)]
    assert not windows.settled(Reached(9.0, 4.0, 9.0))
    assert not windows.settled(Reached(9.0, 9.0, 4.9))
    assert windows.settled(Reached(9.0, 9.0, 5.0)) == [Segment(0, 5), Segment(2.5, 7.5)][:1]
    # A camera that has stopped does not hold up the sound.
    assert windows.settled(Reached(12.0, 12.0, 5.0)) == [Segment(2.5, 7.5), Segment(5, 10)]


# --- pictures ---------------------------------------------------------------------------------


def test_what_is_forgotten_leaves_the_rest_as_it_is():
    whole, part = (FaceFinder(make_detector("auto")) for _ in range(2))
    shots, some = ShotFinder(), ShotFinder()
    pictures = list(portrait_pictures(30))
    for number, image in enumerate(pictures):
        frame = Frame(number / 5, ArrayRaster(image if number < 15 else 255 - image[:, ::-1]))
        for finder in (whole, part):
            finder.look(frame)
        for finder in (shots, some):
            finder.look(frame)
    part.forget(2.0)
    every, kept = whole.found(), part.found()
    rows = every.every.times >= 2.0
    assert np.array_equal(every.every[rows].boxes, kept.every.boxes)
    assert np.array_equal(every.every[rows].crops, kept.every.crops)
    assert np.array_equal(every.looked[every.looked >= 2.0], kept.looked)
    assert np.array_equal(every.clothes[rows], kept.clothes)
    assert np.array_equal(every.sure[rows], kept.sure)
    assert shots.so_far() == (3.0,)
    some.forget(2.0)
    assert some.so_far() == (3.0,)
    some.forget(4.0)
    assert some.so_far() == ()


def test_a_confined_process_decodes_as_this_one_does():
    (image,) = portrait_pictures(1)
    decoder = ConfinedDecoder(wall=2.0)
    try:
        for kind in ("jpg", "webp", "png"):
            content = cv2.imencode(f".{kind}", image)[1].tobytes()
            there = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            assert np.array_equal(decoder(content), there)
        whole = cv2.imencode(".png", image)[1].tobytes()
        for broken in (b"", b"\xff\xd8\xff", b"GIF89a", whole[:200], bytes(5_000_000)):
            with pytest.raises(MediaError):
                decoder(broken)
        # A picture that ends its process costs that picture alone.
        os.kill(decoder.pid, signal.SIGSTOP)
        with pytest.raises(MediaError, match="crash or hang"):
            decoder(whole)
        assert np.array_equal(decoder(whole), image)
    finally:
        decoder.close()


def test_a_picture_that_claims_to_be_huge_is_not_decoded():
    content = bytearray(cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes())
    content[16:24] = (60_000).to_bytes(4, "big") * 2
    from mien.media.picture import decode_picture

    with pytest.raises(MediaError, match="60000 pixels a side"):
        decode_picture(bytes(content))


def test_turns_can_be_asked_for_while_it_listens(sentence):
    """Another thread asks all the time; nothing that it holds may change under it."""
    ring, ended, failed = SoundRing(30), threading.Event(), []
    listener = SpeechListener(ring, 20)

    def ask():
        while not ended.is_set():
            turns = listener.turns()
            if any(one.end > other.start for one, other in pairwise(turns)):
                failed.append(turns)
            time.sleep(2e-4)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for at in range(0, len(sentence), 512):
            ring.append(sentence[at : at + 512])
            listener.listen()
    finally:
        ended.set()
        asker.join()
    assert not failed
    assert listener.turns()
