"""Face detectors: a picture in, boxes with scores and, where it can, five landmarks out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mien.errors import InputError, OptionError
from mien.media import ArrayRaster
from mien.pack_folders import find_pack
from mien.packs import Pack
from mien.perceive import anchors
from mien.scene import Image, Raster

Box = tuple[float, float, float, float]
Landmarks = npt.NDArray[np.float32]

AUTO = "embedded"
"""What ``auto`` means."""
YUNET = "yunet:"


@dataclass(frozen=True, eq=False)
class Detection:
    """One face in one picture.

    Args:
        box: left, top, width, height in pixels of the picture that was given.
        score: 0 to 1; from about 0.6 on rather a face than not.
        landmarks: ``(5, 2)`` pixels, left and right as seen in the picture: left eye, right eye,
            tip of the nose, left and right corner of the mouth. None if the detector has none.
    """

    box: Box
    score: float
    landmarks: Landmarks | None = None


class Detector(Protocol):
    """Finds faces in one picture; it remembers nothing from picture to picture.

    One that has ``gray = True`` takes gray pictures ``(height, width) uint8`` as well and finds the
    same in them, which is faster (:func:`view_for`).
    """

    def detect(self, image: Image) -> list[Detection]:
        """The faces in a picture ``(height, width, 3) uint8`` in BGR order, in any order."""
        ...


def view_for(detector: Detector, picture: Raster) -> Image:
    """The picture as a detector wants it: gray if that is enough for it."""
    return picture.gray if getattr(detector, "gray", False) else picture.image


def shrink(image: Image, longest: int) -> tuple[Image, float]:
    """A picture no longer than ``longest`` pixels, and its size by the original's (at most 1).

    It is halved by averaging until less than a half is left to take away, so that nothing aliases,
    and then interpolated, which keeps edges sharper. Averaging down to any other size takes ten
    times as long.
    """
    import cv2

    scale = min(1.0, longest / max(image.shape[:2]))
    if scale == 1.0:
        return image, scale
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    while min(a / b for a, b in zip(image.shape[1::-1], size, strict=True)) >= 2:
        half = tuple(side // 2 for side in image.shape[1::-1])
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_LINEAR), np.uint8), scale


class EmbeddedDetector:
    """The single-shot net that ships with mien (``mien train detector``); five landmarks.

    It looks twice: at 576 px for faces from 18 px on, since what is smaller may be a letter, and at
    160 px for those that fill the picture, which are larger than the net has learnt.
    """

    looks = ((576, 18), (160, 40))
    """Longest side of the picture looked at, and least side of a face in it, in pixels."""
    least_score = 0.3
    gray = True

    @cached_property
    def _pack(self) -> Pack:
        pack = find_pack("detector")
        pack.check_input(anchors.CONTRACT)
        # The net takes a millisecond or two. To share that among cores brings little, and where
        # they are busy, or the process has one alone, it waits ten times as long for them.
        pack.threads = 1
        return pack

    def detect(self, image: Image) -> list[Detection]:
        """See :class:`Detector`."""
        # Gray first: to shrink three channels takes as long as the net.
        small, scale = image if image.ndim == 2 else ArrayRaster(image).gray, 1.0
        looks = []
        for longest, smallest in self.looks:
            small, by = shrink(small, longest)
            scale *= by
            looks.append(self._look(small, scale, smallest))
        found = np.concatenate(looks)
        faces = anchors.suppress(found[np.argsort(-found[:, 14], kind="stable")])
        return [Detection(_box(face), float(face[14]), face[4:14].reshape(5, 2)) for face in faces]

    def _look(self, small: Image, scale: float, smallest: int) -> anchors.FloatArray:
        """Faces ``(k, 15)`` before suppression, in pixels of the picture that was given.

        Args:
            small: the picture, gray, ``(h, w)``.
            scale: its size by the original's.
            smallest: least side of a face in it, pixels.
        """
        import cv2

        down, right = (-side % anchors.STRIDES[-1] for side in small.shape)
        small = np.asarray(cv2.copyMakeBorder(small, 0, down, 0, right, cv2.BORDER_REPLICATE))
        rows = self._pack.run({"picture": small[None]})[0]
        score = self._pack.manifest.input["score"]
        rows[:, 0] = rows[:, 0] * score["slope"] + score["intercept"]
        height, width = small.shape
        faces = anchors.decode(rows, height, width, self.least_score)
        large = faces[faces[:, 2:4].max(axis=1) >= smallest]
        large[:, :14] /= scale
        return np.asarray(large, np.float32)


def _box(face: npt.NDArray[np.float32]) -> Box:
    left, top, wide, high = face[:4].tolist()
    return left, top, wide, high


class YunetDetector:
    """A YuNet model file of the user's, run by OpenCV's ``FaceDetectorYN``; five landmarks.

    Args:
        path: of the ONNX file.

    Raises:
        InputError: if there is no such file or it is no YuNet model.
    """

    longest = 640
    least_score = 0.5

    def __init__(self, path: Path) -> None:
        _check_file(path)
        self._path = path
        self._net = self._open()

    def _open(self) -> Any:
        import cv2

        try:
            with _quiet():
                net = cv2.FaceDetectorYN.create(
                    str(self._path), "", (64, 64), self.least_score, 0.3, 200
                )
                net.detect(np.zeros((64, 64, 3), np.uint8))
        except (cv2.error, ValueError):
            raise InputError(
                f"{self._path} is not a YuNet model that OpenCV can run; give an ONNX file named "
                "face_detection_yunet_*.onnx, without int8 blocks, from OpenCV's model zoo."
            ) from None
        return net

    def detect(self, image: Image) -> list[Detection]:
        """See :class:`Detector`."""
        small, scale = shrink(image, self.longest)
        self._net.setInputSize((small.shape[1], small.shape[0]))
        _, rows = self._net.detect(np.ascontiguousarray(small))
        found = []
        for row in () if rows is None else rows:
            left, top, wide, high = (float(side) / scale for side in row[:4])
            points = np.asarray(row[4:14], np.float32).reshape(5, 2) / np.float32(scale)
            found.append(Detection((left, top, wide, high), float(row[14]), points))
        return found


class _quiet:  # noqa: N801
    """OpenCV's own lines on the error stream held back; we say it in one sentence."""

    def __enter__(self) -> None:
        import cv2

        self._level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

    def __exit__(self, *error: object) -> None:
        import cv2

        cv2.utils.logging.setLogLevel(self._level)


_MAKERS: dict[str, Callable[[], Detector]] = {
    "embedded": EmbeddedDetector,
}


def check_detector(choice: str) -> None:
    """Say whether a detector can be chosen by that name, before any work is done.

    Raises:
        OptionError: if there is none of that name.
        InputError: if the file that it names is not there.
    """
    if choice.startswith(YUNET) and choice != YUNET:
        _check_file(Path(choice.removeprefix(YUNET)))
    elif choice != "auto" and choice not in _MAKERS:
        raise OptionError.choice("detector", choice, ("auto", *_MAKERS, "yunet:FILE"))


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise InputError(
            f"There is no YuNet model at {str(path)!r}; give the ONNX file of one, "
            "as --detector yunet:FILE."
        )


def make_detector(choice: str) -> Detector:
    """The detector of a name: ``auto``, ``embedded`` or ``yunet:FILE``.

    Raises:
        OptionError, InputError: if it cannot be had.
    """
    check_detector(choice)
    if choice.startswith(YUNET):
        return YunetDetector(Path(choice.removeprefix(YUNET)))
    return _MAKERS[AUTO if choice == "auto" else choice]()
