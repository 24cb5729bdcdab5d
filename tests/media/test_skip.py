"""Frames that nobody looks at are not decoded, and what is looked at is the same."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mien.media import frames, open_clip
from mien.scene import Frame

KINDS = [
    ("a.mp4", "libx264", {"bf": "3"}),
    ("a.mkv", "libx264", {"bf": "3", "b-pyramid": "normal"}),
    ("a.ts", "libx264", {"bf": "2"}),
    ("a.flv", "libx264", {"bf": "2"}),
    ("a.avi", "mpeg4", {"bf": "2"}),
    ("b.mp4", "libx265", {"x265-params": "bframes=4:log-level=none"}),
    ("c.mp4", "mpeg4", {"bf": "2"}),
    ("d.ts", "mpeg2video", {"bf": "2"}),
    ("e.webm", "libvpx", {"deadline": "realtime", "cpu-used": "8"}),
]


def film(path, codec, options, times=range(60)):
    """Numbered pictures at multiples of a 25th of a second, encoded with frames out of order."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        rng = np.random.default_rng(0)
        for number, time in enumerate(times):
            picture = np.full((64, 96, 3), 40, np.uint8)
            picture[:, number % 96] = 255
            picture += rng.integers(0, 9, picture.shape, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = time, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def seen(path, rate):
    clip = open_clip(path)
    try:
        given = [(m.time, m.image.tobytes()) for m in clip.play(rate) if isinstance(m, Frame)]
        return given, clip.facts.duration, clip.facts.gaps
    finally:
        clip.close()


@pytest.mark.parametrize(("name", "codec", "options"), KINDS)
@pytest.mark.parametrize("rate", [0.5, 5.0, 12.0])
def test_skipping_changes_nothing(tmp_path, monkeypatch, name, codec, options, rate):
    path = film(tmp_path / name, codec, options)
    skipping = seen(path, rate)
    monkeypatch.setattr("mien.media.recording.STAMPED", frozenset())
    assert skipping == seen(path, rate)


def test_a_picture_that_stands_is_the_one_that_is_given_again(tmp_path, monkeypatch):
    times = [*range(20), 21, 22, 120, 121, 122, 123, 124, 125]
    path = film(tmp_path / "a.mp4", "libx264", {"bf": "3"}, times)
    skipping = seen(path, 5.0)
    monkeypatch.setattr("mien.media.recording.STAMPED", frozenset())
    assert skipping == seen(path, 5.0)
    assert len([time for time, _ in skipping[0] if 1.0 < time < 4.8]) > 5


def test_frames_are_left_out(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mp4", "libx264", {"bf": "3"}, range(250))
    readers = []

    class Counted(frames.FrameReader):
        def __init__(self, *args):
            super().__init__(*args)
            readers.append(self)

    monkeypatch.setattr("mien.media.recording.FrameReader", Counted)
    seen(path, 5.0)
    assert 0.1 < readers[0].skipped / 250 < 0.9
