"""Writing a small clip: pictures and sound into one mp4."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from mien.outputs import MARK
from mien.scene import SAMPLE_RATE, Image, Samples


def write_clip(path: Path, pictures: Iterable[Image], rate: int, samples: Samples) -> None:
    """Write an mp4 (H.264 and AAC).

    Args:
        path: of the new file.
        pictures: ``(height, width, 3) uint8`` in BGR order, all of one size, even sides.
        rate: pictures per second.
        samples: mono at 16 kHz in [-1, 1], from the first picture on.
    """
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["comment"] = MARK
        sound = container.add_stream("aac", rate=SAMPLE_RATE)
        sound.layout = "mono"
        video = container.add_stream("libx264", rate=rate)
        video.pix_fmt = "yuv420p"
        for index, picture in enumerate(pictures):
            if index == 0:
                video.height, video.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = index, Fraction(1, rate)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        block = av.AudioFrame.from_ndarray(
            np.asarray(samples, dtype=np.float32)[None], format="fltp", layout="mono"
        )
        block.sample_rate, block.pts = SAMPLE_RATE, 0
        container.mux(sound.encode(block))
        container.mux(sound.encode(None))
