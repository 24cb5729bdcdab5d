"""Valid files cut off, and mutants of them: bytes, blocks, length fields, headers of others."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from case import Case, content, sampled
from seeds import MAIN, seeds

POINTS = 200
"""Points at which a container is cut off."""
MUTANTS = 5000
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF,
            0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)  # fmt: skip
_FOURCC = re.compile(rb"[A-Za-z0-9 ]{4}")

Change = Callable[[random.Random, bytearray], bytearray]


def truncations() -> Iterator[Case]:
    """Each main container cut off at points that lie close together in its header."""
    made = (
        Case("truncated", f"{name}-{number:03d}", _cut(name, number))
        for number in range(POINTS)
        for name in MAIN
    )
    yield from sampled(made, 71)


def _cut(name: str, number: int) -> Callable[..., object]:
    suffix, data = seeds()[name]
    # A third of the points byte by byte in the header, the others evenly over the file.
    near = POINTS // 3
    at = number if number < near else round((number - near + 1) / (POINTS - near + 1) * len(data))
    return content(f"cut.{suffix}", data[:at])


def mutants(seed: int, count: int = MUTANTS) -> Iterator[Case]:
    """Mutants, each by its number and the seed alone."""
    names = list(seeds())

    def make(number: int) -> Case:
        name = names[number % len(names)]
        suffix = seeds()[name][0]
        return Case(
            "mutants", f"{number:04d}-{name}",
            content(f"mutant.{suffix}", lambda: mutant(seed, number, name)),
        )  # fmt: skip

    yield from sampled((make(number) for number in range(count)), 31)


def mutant(seed: int, number: int, name: str) -> bytes:
    """One mutant of a seed."""
    draw = random.Random(f"{seed}/{number}")
    data = bytearray(seeds()[name][1])
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 5))):
        data = draw.choice(CHANGES)(draw, data)
    return bytes(data)


def _place(draw: random.Random, data: bytearray) -> int:
    """An offset: half of the time in the first or last kilobyte, where headers are."""
    size = max(1, len(data))
    near = min(size, 1024)
    return draw.choice((
        draw.randrange(near), size - 1 - draw.randrange(near), draw.randrange(size),
        draw.randrange(size),
    ))  # fmt: skip


def _flip(draw: random.Random, data: bytearray) -> bytearray:
    for _ in range(draw.choice((1, 1, 2, 4, 16, 64))):
        at = _place(draw, data)
        if at < len(data):
            data[at] = draw.choice((data[at] ^ 1 << draw.randrange(8), draw.randrange(256), 0, 255))
    return data


def _length(draw: random.Random, data: bytearray) -> bytearray:
    """An extreme value in a field, often beside what looks like the name of a chunk."""
    names = [found.start() for found in _FOURCC.finditer(bytes(data[:200_000]))]
    at = draw.choice(names) + draw.choice((-4, 4, 8, 12)) if names and draw.random() < 0.7 else None
    at = _place(draw, data) if at is None else max(0, at)
    size = draw.choice((1, 2, 4, 4, 8))
    value = (draw.choice(EXTREMES) & (1 << 8 * size) - 1).to_bytes(
        size, draw.choice(("big", "little"))
    )
    data[at : at + size] = value
    return data


def _block(draw: random.Random, data: bytearray) -> tuple[int, int]:
    at = _place(draw, data)
    return at, at + draw.choice((1, 2, 4, 8, 16, 64, 256, 1024, 4096))


def _remove(draw: random.Random, data: bytearray) -> bytearray:
    first, end = _block(draw, data)
    del data[first:end]
    return data


def _repeat(draw: random.Random, data: bytearray) -> bytearray:
    first, end = _block(draw, data)
    data[end:end] = data[first:end] * draw.choice((1, 1, 2, 50))
    return data


def _swap(draw: random.Random, data: bytearray) -> bytearray:
    (a, b), (c, d) = sorted((_block(draw, data), _block(draw, data)))
    if b <= c:
        one, two = data[a:b], data[c:d]
        data[c:d], data[a:b] = one, two
    return data


def _zeros(draw: random.Random, data: bytearray) -> bytearray:
    first, end = _block(draw, data)
    data[first:end] = bytes([draw.choice((0, 255))]) * (end - first)
    return data


def _header(draw: random.Random, data: bytearray) -> bytearray:
    """The first bytes of another container, before this one or in place of its own."""
    other = draw.choice(list(seeds().values()))[1]
    size = draw.choice((4, 12, 40, 200, 1000))
    data[: draw.choice((0, size))] = other[:size]
    return data


def _graft(draw: random.Random, data: bytearray) -> bytearray:
    """A block of another container."""
    other = draw.choice(list(seeds().values()))[1]
    at, size = draw.randrange(max(1, len(other))), draw.choice((8, 64, 512, 4096))
    first = _place(draw, data)
    data[first : first + draw.choice((0, size))] = other[at : at + size]
    return data


def _cut_off(draw: random.Random, data: bytearray) -> bytearray:
    del data[_place(draw, data) :]
    return data + draw.randbytes(draw.choice((0, 0, 16, 1000)))


def _noise(draw: random.Random, data: bytearray) -> bytearray:
    first, end = _block(draw, data)
    data[first:end] = draw.randbytes(end - first)
    return data


CHANGES: tuple[Change, ...] = (
    _flip, _flip, _flip, _length, _length, _length, _remove, _repeat, _swap, _zeros, _header,
    _graft, _cut_off, _noise,
)  # fmt: skip
