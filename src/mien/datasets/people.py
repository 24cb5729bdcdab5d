"""Pictures of people with faces annotated by a teacher, for training the face detector."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mien.errors import DataError

Gray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png")
LONGEST_SIDE = 320
"""Larger pictures are reduced to this size, in pixels."""
FIELDS = 15
"""Columns of a face: left, top, width, height; five points (x, y); score. The points are the
person's right eye, left eye, nose, right and left corner of the mouth."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Gray pictures and the faces in each.

    Args:
        images: ``(h, w) uint8``, of any sizes.
        faces: ``(k, 15)`` per picture, see :data:`FIELDS`, in pixels.
        prints: SHA-1 of each file or picture, for the division into sets.
        sources: name of the folder or set of each picture.
    """

    images: tuple[Gray, ...]
    faces: tuple[FloatArray, ...]
    prints: tuple[str, ...]
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.images)

    def without_faces(self, sources: set[str]) -> Pictures:
        """The same pictures without the faces in pictures of some sources."""
        none = np.zeros((0, FIELDS), np.float32)
        pairs = zip(self.faces, self.sources, strict=True)
        remaining = tuple(none if source in sources else faces for faces, source in pairs)
        return Pictures(self.images, remaining, self.prints, self.sources)

    def select(self, rows: Iterable[int]) -> Pictures:
        """The pictures at the given places."""
        chosen = list(rows)
        return Pictures(
            tuple(self.images[i] for i in chosen),
            tuple(self.faces[i] for i in chosen),
            tuple(self.prints[i] for i in chosen),
            tuple(self.sources[i] for i in chosen),
        )


class Teacher:
    """A YuNet detector in OpenCV with a low score threshold.

    Args:
        path: path of the ONNX file.
        least: minimum score of a face.
    """

    def __init__(self, path: Path, least: float = 0.3) -> None:
        import cv2

        if not path.is_file():
            raise DataError(f"The teacher {path} does not exist; name a YuNet ONNX file.")
        self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), least, 0.3, 500)

    def faces(self, bgr: npt.NDArray[np.uint8]) -> FloatArray:
        """Faces ``(k, 15)`` of a picture ``(h, w, 3)``."""
        self._net.setInputSize((bgr.shape[1], bgr.shape[0]))
        found = self._net.detect(bgr)[1]
        return np.zeros((0, FIELDS), np.float32) if found is None else np.asarray(found, np.float32)


def load_pictures(
    folder: Path, teacher: Teacher, cache: Path, progress: Callable[[str], None] = print
) -> Pictures:
    """All pictures under a folder, annotated by the teacher and cached in ``cache``.

    Files that are not pictures are counted and left out.

    Raises:
        DataError: if there is none.
    """
    import cv2

    if not cache.exists():
        files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        images, faces, prints, broken = [], [], [], 0
        for done, file in enumerate(files):
            if done % 1000 == 0:
                progress(f"{folder.name}: {done} of {len(files)} pictures")
            raw = file.read_bytes()
            bgr = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
            if bgr is None or min(bgr.shape[:2]) < 32:
                broken += 1
                continue
            scale = min(1.0, LONGEST_SIDE / max(bgr.shape[:2]))
            bgr = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            images.append(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))
            faces.append(teacher.faces(np.asarray(bgr, np.uint8)))
            prints.append(hashlib.sha1(raw).hexdigest())
        if not images:
            raise DataError(f"{folder} holds no picture ({', '.join(SUFFIXES)}).")
        progress(f"{folder.name}: {len(images)} pictures, {broken} left out")
        _save(cache, images, faces, prints)
    return _read(cache, folder.name)


def pictures_of_crops(
    crops: npt.NDArray[np.uint8], teacher: Teacher, cache: Path, name: str, *, side: int = 144
) -> Pictures:
    """Enlarged crops of ``(n, 48, 48)`` with the teacher's face; those without one are left out."""
    import cv2

    if not cache.exists():
        images, faces, prints = [], [], []
        for crop in crops:
            large = cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC)
            margin = side // 3
            framed = cv2.copyMakeBorder(
                large, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=[int(crop.mean())]
            )
            found = teacher.faces(np.asarray(cv2.cvtColor(framed, cv2.COLOR_GRAY2BGR), np.uint8))
            if len(found) == 1 and found[0, 14] >= 0.7:
                found[:, :14] -= np.array([margin, margin, 0, 0, *[margin] * 10], np.float32)
                images.append(large)
                faces.append(found)
                prints.append(hashlib.sha1(crop.tobytes()).hexdigest())
        _save(cache, images, faces, prints)
    return _read(cache, name)


def _save(cache: Path, images: list[Gray], faces: list[FloatArray], prints: list[str]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    fresh = cache.with_suffix(".new.npz")
    np.savez(
        fresh,
        pixels=np.concatenate([image.ravel() for image in images]),
        sizes=np.array([image.shape for image in images]),
        faces=np.concatenate(faces),
        counts=np.array([len(f) for f in faces]),
        prints=np.array(prints),
    )
    fresh.replace(cache)


def _read(cache: Path, name: str) -> Pictures:
    with np.load(cache) as stored:
        sizes = stored["sizes"]
        pixels = np.split(stored["pixels"], np.cumsum(sizes.prod(axis=1))[:-1])
        faces = np.split(stored["faces"], np.cumsum(stored["counts"])[:-1])
        prints = tuple(stored["prints"].tolist())
    images = tuple(p.reshape(size) for p, size in zip(pixels, sizes, strict=True))
    return Pictures(images, tuple(faces), prints, (name,) * len(images))


def concatenate_pictures(sets: Iterable[Pictures]) -> Pictures:
    """Concatenate several sets."""
    parts = list(sets)
    return Pictures(
        tuple(i for p in parts for i in p.images),
        tuple(f for p in parts for f in p.faces),
        tuple(h for p in parts for h in p.prints),
        tuple(s for p in parts for s in p.sources),
    )
