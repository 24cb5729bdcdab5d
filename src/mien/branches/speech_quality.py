"""Speech quality of a segment: whether its speech is usable, and how far it is to be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mien.branches.logmel import log_mel
from mien.mathematics import FloatArray, entropy, jensen_shannon
from mien.scene import SAMPLE_RATE, AudioTrack, Samples, sounding
from mien.timebase import Segment

SHORTEST = 0.6
"""Minimum seconds of speech in a usable segment."""
FULL_LENGTH = 2.0
"""Seconds of speech from which on the length no longer limits the quality."""
FULL_SHARE = 0.2
"""Share of speech from which on it no longer limits the quality; a share of 0 halves it."""
FULL_RATIO = 15.0
"""Signal-to-noise ratio in dB from which on it no longer limits the quality."""
LOWEST_RATIO = 2.0
"""Minimum signal-to-noise ratio in dB of usable speech."""
ALL_CLIPPED = 0.4
"""Share of clipped samples from which on the quality is 0."""
SILENCE = -80.0
"""Peak in dB of full scale below which a segment is silent."""
LEAST_CHANGE = 2.2
"""Minimum spectral change in dB of speech."""
LEAST_BANDS = 4.0
"""Minimum number of mel bands over which the power of speech spreads; below it, a tone."""

_FRAME = 512
_BLOCK = 20.0
_MARGIN = 0.1
_LEAST_GAP = 1.0
_SMOOTHING = 5
MOST_ROWS = 20_000
_PEAK = 0.3
_LOUD = 10 ** (-30 / 10)
_DB = 10 / np.log(10)


@dataclass(frozen=True)
class SpeechQuality:
    """Measurements of the speech in a segment.

    Args:
        seconds: seconds of speech.
        share: share of the segment that is speech.
        ratio: signal-to-noise ratio in dB; see :func:`signal_to_noise`.
        clipped: share of the samples within 2 % of the largest, below 0.0005 for sound without
            clipping.
        change: spectral change in dB: the deviation over time of the level of each mel band
            relative to the frame's mean, smoothed over 50 ms. It is 5 to 12 for speech, 2.8 for
            speech in white noise of the same power, and at most 1.8 for steady noise, tones and
            chords.
        bands: number of mel bands (of 64) over which the power of a frame spreads: the exponential
            of the entropy, median over frames. It is 5 to 16 for speech, 2 to 3.5 for a tone.
    """

    seconds: float
    share: float
    ratio: float
    clipped: float
    change: float
    bands: float

    @property
    def unfit(self) -> str:
        """Why the speech is not usable, with the measured value; ``""`` if it is usable."""
        if self.seconds < SHORTEST:
            return f"too little speech ({self.seconds:.1f} s, at least {SHORTEST} s needed)"
        if self.bands < LEAST_BANDS:
            return f"a tone, not speech (power in {self.bands:.1f} mel bands of 64)"
        if self.change < LEAST_CHANGE:
            return (
                f"no speech: the sound hardly changes (spectral change {self.change:.1f} dB, at "
                f"least {LEAST_CHANGE} needed)"
            )
        if self.ratio < LOWEST_RATIO:
            return f"speech masked by other sound (signal-to-noise ratio {self.ratio:.0f} dB)"
        return ""

    @property
    def quality(self) -> float:
        """Quality of the speech in [0, 1], a product of four factors.

        ``min(1, seconds / 2) * min(1, (1 + share / 0.2) / 2) * clip(ratio / 15, 0, 1) *
        max(0, 1 - clipped / 0.4)``: the length of the speech, its share of the segment, its
        signal-to-noise ratio, and the share without clipping.
        """
        length = min(1.0, self.seconds / FULL_LENGTH)
        share = min(1.0, (1.0 + self.share / FULL_SHARE) / 2)
        clean = float(np.clip(self.ratio / FULL_RATIO, 0.0, 1.0))
        return length * share * clean * max(0.0, 1.0 - self.clipped / ALL_CLIPPED)


def is_audible(samples: Samples) -> bool:
    """Whether any sample ``(n,)`` reaches ``SILENCE``."""
    return bool(len(samples)) and float(np.abs(samples).max()) >= 10 ** (SILENCE / 20)


def silence(audio: AudioTrack, segment: Segment) -> str:
    """Why a segment without speech turns is not judged: no sound, silence, or other sound."""
    parts = sounding(audio, segment)
    if not parts:
        return "no sound in this segment (it ended before, or there is a gap)"
    peak = max((float(np.abs(b).max()) for b in _blocks(audio, [segment]) if len(b)), default=0.0)
    level = 20 * np.log10(max(peak, 1e-6))
    if level < SILENCE:
        return f"silence (peak {level:.0f} dB of full scale or less)"
    return f"no speech (in {sum(part.duration for part in parts):.1f} s of sound)"


def measure(audio: AudioTrack, turns: Sequence[Segment], segment: Segment) -> SpeechQuality:
    """Measure the speech turns of a segment, a block at a time.

    Args:
        audio: mono at 16 kHz.
        turns: the parts of the speech turns that lie in the segment, at least one.
        segment: the segment to measure.
    """
    seconds = sum(turn.duration for turn in turns)
    peak = max(float(np.abs(block).max(initial=0.0)) for block in _blocks(audio, turns))
    clipped = count = 0
    shape = Shape()
    powers = []
    for block in _blocks(audio, turns):
        clipped += int((np.abs(block) >= 0.98 * max(peak, 1e-9)).sum())
        count += len(block)
        powers.append(_powers(block))
        # Normalise the level, so that the floor of log_mel has the same effect for all.
        shape.add(block * np.float32(_PEAK / max(peak, 1e-6)))
    gaps = [_powers(block) for block in _blocks(audio, _between(turns, segment))]
    return SpeechQuality(
        seconds,
        seconds / max(segment.duration, seconds, 1e-9),
        signal_to_noise(np.concatenate(powers), np.concatenate([np.zeros(0), *gaps])),
        clipped / max(count, 1),
        shape.change,
        shape.bands,
    )


def signal_to_noise(speech: FloatArray, gaps: FloatArray) -> float:
    """Signal-to-noise ratio in dB from the powers of 32 ms frames, ``10 log10(S / N - 1)``.

    ``S`` is the mean over the speech turns. ``N`` is the 60th percentile over the gaps between them
        if the gaps last at least a second in total: speech that the detector missed is usually
        shorter, laughter and babble are usually longer. Otherwise ``N`` is the tenth percentile
        over the turns themselves, which contain short pauses (after minimum statistics, Martin
        2001).

    With white, pink and babble noise added to 31 recordings at 0 to 20 dB, the median error of the
    estimate from gaps was at most 0.5 dB. Without gaps it was at most 3.5 dB at 0 to 10 dB (1 dB
    except for babble), and the estimate at 20 dB was 15. The alternative WADA (Kim & Stern 2008)
    had errors of 1 to 5.5 dB. With a minimum of half a second of gaps, a missed word was taken for
    noise in 1 of 106 clean recordings; therefore the minimum is one second.

    Args:
        speech: ``(n,)`` powers of the turns' frames, n at least 1.
        gaps: ``(m,)`` powers of the gaps' frames.

    Returns:
        a ratio in [-20, 60] dB.
    """
    enough = len(gaps) * _FRAME / SAMPLE_RATE >= _LEAST_GAP
    noise = float(np.percentile(gaps, 60) if enough else np.percentile(speech, 10))
    ratio = (float(speech.mean()) + 1e-12) / (noise + 1e-12) - 1.0
    return float(np.clip(10 * np.log10(max(ratio, 1e-3)), -20.0, 60.0))


def agreement(rows: FloatArray, weights: FloatArray) -> float:
    """Agreement of the posteriors of parts of a segment, in [0, 1]; 1 for a single part.

    One minus the weighted Jensen-Shannon divergence (Lin 1991), relative to its maximum.

    Args:
        rows: probabilities ``(n, k)`` of the parts.
        weights: ``(n,)``, in any unit.

    Examples:
        >>> agreement(np.eye(2), np.ones(2)), agreement(np.ones((3, 2)) / 2, np.ones(3))
        (0.0, 1.0)
    """
    shares = weights / weights.sum()
    greatest = min(float(entropy(shares)), float(np.log(rows.shape[1])))
    if greatest < 1e-9:
        return 1.0
    return float(np.clip(1.0 - jensen_shannon(rows, shares) / greatest, 0.0, 1.0))


class Shape:
    """Spectral change and breadth of sound that comes in blocks; see :class:`SpeechQuality`.

    For more than a quarter of an hour of speech every second row is stored, for more than half an
    hour every fourth, and so on, so that memory is limited.
    """

    def __init__(self) -> None:
        self._loudest = 0.0
        self._step = _SMOOTHING
        self._count = 0
        self._parts: list[tuple[FloatArray, FloatArray, FloatArray]] = []

    def add(self, block: Samples) -> None:
        """Add the next block, ``(n,) float32`` at 16 kHz."""
        frames = log_mel(block).astype(np.float64)
        power = np.exp(frames)
        level = power.sum(axis=1)
        share = power / level[:, None]
        bands = np.exp(-(share * np.log(share + 1e-12)).sum(axis=1))
        shape = (frames - frames.mean(axis=1, keepdims=True)) * _DB
        # Smoothed neighbours are nearly equal: every fifth row is sufficient.
        chosen = slice(None, None, self._step)
        # Copies, since a view would keep the whole block in memory.
        self._parts.append(
            (level[chosen].copy(), bands[chosen].copy(), _smooth(shape)[chosen].copy())
        )
        self._count += len(self._parts[-1][0])
        self._loudest = max(self._loudest, float(level.max()))
        if self._count > MOST_ROWS:
            self._thin()

    def _thin(self) -> None:
        """Drop every second row, now and in further blocks."""
        joined = [np.concatenate(column)[::2].copy() for column in zip(*self._parts, strict=True)]
        self._parts = [(joined[0], joined[1], joined[2])]
        self._count = len(joined[0])
        self._step *= 2

    def _loud(self, which: int) -> FloatArray:
        loud = [part[which][part[0] > _LOUD * self._loudest] for part in self._parts]
        return np.concatenate(loud)

    @property
    def rows(self) -> int:
        """How many rows are kept, at most ``MOST_ROWS``."""
        return self._count

    @property
    def change(self) -> float:
        """How much the spectrum changes from row to row, in dB."""
        return float(self._loud(2).std(axis=0).mean())

    @property
    def bands(self) -> float:
        """How many bands share the power, as the exponential of their entropy; the median."""
        return float(np.median(self._loud(1)))


def _smooth(rows: FloatArray) -> FloatArray:
    """Rows averaged with their neighbours, the ends repeated."""
    half = _SMOOTHING // 2
    padded = np.pad(rows, ((half, half), (0, 0)), "edge")
    return np.asarray(sum(padded[i : i + len(rows)] for i in range(_SMOOTHING)) / _SMOOTHING)


def _powers(block: Samples) -> FloatArray:
    """Mean square of each 32 ms frame; a shorter rest is used only if there is no frame."""
    whole = len(block) // _FRAME * _FRAME
    if not whole:
        return np.asarray([float(np.square(block).mean())] if len(block) else [], dtype=np.float64)
    return np.asarray(np.square(block[:whole].reshape(-1, _FRAME)).mean(axis=1), dtype=np.float64)


def _blocks(audio: AudioTrack, segments: Sequence[Segment]) -> Iterator[Samples]:
    """The sound of segments, at most 20 s at a time."""
    for segment in (part for one in segments for part in sounding(audio, one)):
        start = segment.start
        while start < segment.end:
            end = min(segment.end, start + _BLOCK)
            yield audio.read(Segment(start, end))
            start = end


def _between(turns: Sequence[Segment], segment: Segment) -> list[Segment]:
    """The parts of a segment that no turn covers, without 0.1 s next to each turn."""
    edges = [segment.start]
    for turn in turns:
        edges += [turn.start - _MARGIN, turn.end + _MARGIN]
    edges.append(segment.end)
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [Segment(start, end) for start, end in pairs if end > start]
