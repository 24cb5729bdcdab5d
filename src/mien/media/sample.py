"""A tiny recording in memory, made here, for code that has to be run once before it is needed."""

from __future__ import annotations

import io
from fractions import Fraction

import av
import numpy as np

from mien.scene import SAMPLE_RATE

_SIDE, _PICTURES, _RATE = 64, 16, 8


def sample_recording() -> bytes:
    """Two seconds of noise and of pictures of noise, as a Matroska file (PCM and MPEG-4)."""
    made, noise = io.BytesIO(), np.random.default_rng(0)
    with av.open(made, "w", format="matroska") as container:
        video = container.add_stream("mpeg4", rate=_RATE)
        video.width = video.height = _SIDE
        video.pix_fmt = "yuv420p"
        video.thread_count = 1
        audio = container.add_stream("pcm_s16le", rate=SAMPLE_RATE, layout="mono")
        count = SAMPLE_RATE // _RATE
        for i in range(_PICTURES):
            # Two halves that differ, so that there is a shot.
            most = 256 if i < _PICTURES // 2 else 60
            image = noise.integers(40, most, (_SIDE, _SIDE, 3), np.uint8)
            picture = av.VideoFrame.from_ndarray(image, "bgr24")
            picture.pts, picture.time_base = i, Fraction(1, _RATE)
            container.mux(video.encode(picture))
            samples = noise.integers(-3000, 3000, (1, count)).astype(np.int16)
            block = av.AudioFrame.from_ndarray(samples, "s16", "mono")
            block.sample_rate, block.pts = SAMPLE_RATE, i * count
            block.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(block))
        container.mux(video.encode())
        container.mux(audio.encode())
    return made.getvalue()
