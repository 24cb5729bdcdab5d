"""Pictures read as planes are those that FFmpeg converts whole."""

from fractions import Fraction

import av
import numpy as np
import pytest

from mien.media import ArrayRaster, open_clip
from mien.media.raster import PlanarRaster
from mien.scene import Frame


def smooth(height=120, width=160):
    """Colours that change slowly, within what both ranges can show."""
    down, across = np.mgrid[0:height, 0:width]
    planes = [60 + 120 * across / width, 60 + 120 * down / height, 190 - 120 * across / width]
    return np.stack(planes, axis=-1).astype(np.uint8)


def film(path, pixels="yuv420p", codec="mjpeg", rotation=0, **options):
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pixels
        stream.options = {"qscale": "2", "strict": "unofficial"} | options
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(smooth(), format="bgr24").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 5)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def rasters(path):
    clip = open_clip(path)
    try:
        return [moment.raster for moment in clip.play(5) if isinstance(moment, Frame)]
    finally:
        clip.close()


@pytest.mark.parametrize(
    ("name", "pixels", "codec"),
    [("a.mkv", "yuvj420p", "mjpeg"), ("a.mkv", "yuvj422p", "mjpeg"), ("b.mkv", "yuv420p", "ffv1"),
     ("c.mkv", "yuv422p", "ffv1"), ("d.mkv", "yuv444p", "ffv1"), ("e.mp4", "yuv420p", "libx264")],
)  # fmt: skip
def test_planes_give_what_the_whole_picture_has(tmp_path, name, pixels, codec):
    raster = rasters(film(tmp_path / name, pixels, codec))[0]
    assert isinstance(raster, PlanarRaster)
    whole = ArrayRaster(raster.image)
    assert raster.shape == whole.shape == (120, 160)
    assert np.abs(raster.gray.astype(int) - whole.gray).max() <= 3
    rows, columns = slice(10, 100, 3), slice(5, 150, 4)
    some, exact = raster.sample(rows, columns), whole.sample(rows, columns)
    assert some.shape == exact.shape
    assert np.abs(some.astype(int) - exact).max() <= 6
    assert not raster.gray.flags.writeable
    assert raster.gray is raster.gray
    assert raster.image is raster.image


@pytest.mark.parametrize(("pixels", "codec"), [("yuv420p10le", "ffv1"), ("bgr0", "ffv1")])
def test_other_formats_are_converted_whole(tmp_path, pixels, codec):
    raster = rasters(film(tmp_path / "a.mkv", pixels, codec))[0]
    assert isinstance(raster, ArrayRaster)
    assert np.abs(raster.image.astype(int) - smooth()).mean() < 3


@pytest.mark.parametrize("matrix", [((1, 0), (0, 1)), ((0, 1), (-1, 0)), ((-1, 0), (0, -1)),
                                    ((0, -1), (1, 0)), ((-1, 0), (0, 1))])  # fmt: skip
def test_planes_areturneded_upright(matrix):
    from functools import partial

    from mien.media.frames import turned, upright_image

    frame = av.VideoFrame.from_ndarray(smooth(), format="bgr24").reformat(format="yuv420p")
    turn = partial(turned, matrix=matrix)
    image = np.ascontiguousarray(turn(upright_image(frame, 1.0, ((1, 0), (0, 1)), "a")))
    raster = PlanarRaster(frame, turn, lambda: image)
    whole = ArrayRaster(image)
    assert raster.shape == whole.shape
    assert np.abs(raster.gray.astype(int) - whole.gray).max() <= 3
    rows, columns = slice(7, 90, 2), slice(11, 110, 3)
    difference = np.abs(raster.sample(rows, columns).astype(int) - whole.sample(rows, columns))
    assert difference.max() <= 6
