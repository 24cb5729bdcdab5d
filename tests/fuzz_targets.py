"""What a stranger's bytes reach of our own parsers, as functions of bytes.

``scripts/fuzz.py`` drives them by coverage, ``tests/test_fuzz.py`` by Hypothesis. Nothing but a
``MienError`` may come out, within processor time and memory that are linear in the input.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import numpy as np

from mien.analysis.analysis import Analysis
from mien.analysis.wire import json_text
from mien.batch.inputs import find_clips, output_name
from mien.batch.state import STATES, States
from mien.datasets import load_texts, load_voices
from mien.datasets.faces import load_faces
from mien.datasets.posteriors import load_table
from mien.datasets.spoken import load_spoken
from mien.emotions import MIEN7
from mien.errors import MienError
from mien.facts import ClipFacts, as_utf8, shown
from mien.fusion.method import read_blends
from mien.fusion.pack import load_pool
from mien.manifest import Manifest
from mien.media import picture
from mien.media.captions import plain
from mien.media.kinds import kind_of
from mien.media.markup import clean, entities, without_markup, without_overrides
from mien.media.riff import claimed_seconds
from mien.media.text import read_text
from mien.options import Options
from mien.perceive.diarisation import find_turns, with_speakers
from mien.perceive.fit import check_cues
from mien.perceive.formats import SUBTITLES, read_cues
from mien.perceive.sidecar import subtitles_beside
from mien.perceive.subtitles import spoken, words_of
from mien.perceive.transcript import sentences
from mien.posteriors import Posteriors
from mien.timebase import Segment
from mien.turns import rttm_text
from mien.words import Line, Transcript, Word

SECONDS, SECONDS_A_BYTE = 0.5, 25e-6
"""Processor time that a parser may take: in any case, and for each byte."""
BYTES, BYTES_A_BYTE = 4_000_000, 1000
"""Memory that a parser may take beyond what it had: in any case, and for each byte."""
MEASURED = 12_000
"""Bytes of an input whose memory is measured, at most: that takes ten times as long."""
PUMPED, ONE_IN = 60_000, 24
"""Length of an input a part of which is repeated, and which share of the inputs gets one."""

SUFFIXES = (
    ".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".eaf", ".textgrid", ".ctm", ".stm", "",
    *SUBTITLES,
)  # fmt: skip
"""Of transcripts; the first byte of an input selects one."""
TABLES: dict[str, Callable[[Path], object]] = {
    "posteriors": load_table,
    "texts": load_texts,
    "voices": load_voices,
    "spoken": load_spoken,
    "faces": load_faces,
}
"""Readers of labelled sets; the first byte selects one."""


@cache
def _folder() -> Path:
    """A folder in memory if there is one: a file is written for each input."""
    memory = Path("/dev/shm")
    place = memory if os.access(memory, os.W_OK) else None
    _kept.append(tempfile.TemporaryDirectory(prefix="mien-fuzz-", dir=place))
    return Path(_kept[-1].name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def _chosen(data: bytes, count: int) -> tuple[int, bytes]:
    return (data[0] % count if data else 0), data[1:]


def _json(data: bytes) -> Any:
    """The value of an input as JSON; None where it is none: that is the parser of others."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def cues(data: bytes) -> None:
    """Any transcript file, and whether its cues fit a recording of 100 s."""
    which, content = _chosen(data, len(SUFFIXES))
    found = read_cues(_file(f"words{SUFFIXES[which]}", content))
    if found.timed:
        spoken(check_cues(found, "words", 100.0, 1.5).cues)
    else:
        words_of("\n".join(cue.text for cue in found.cues))


def turns(data: bytes) -> None:
    """An RTTM, its turns given to the words of a recording of 100 s, and written again."""
    facts = ClipFacts("talk.wav", "recording", 100.0, "wav", has_audio=True)
    found = find_turns(facts, _file("who.rttm", data)).fitted(Segment(0.0, 100.0), 100.0)
    words = tuple(Word("so", Segment(t, t + 1.0), 0.9) for t in range(20))
    with_speakers(Transcript((Line(Segment(0.0, 20.0), "so", words),), "given"), found.turns)
    rttm_text({"talk": found.turns})


def riff(data: bytes) -> None:
    """The length that the header of a WAV file claims."""
    seconds = claimed_seconds(_file("sound.wav", data))
    assert 0 <= seconds < 2**32


def kinds(data: bytes) -> None:
    """Which kind of file it is, and the size of a picture by its header."""
    which, content = _chosen(data, len(SUFFIXES))
    for opened in (False, True):
        said = kind_of(f"a/-name {which}{SUFFIXES[which]}", content, opened)
        assert "\n" not in said
    kind = picture.picture_format(content)
    if kind:
        with contextlib.suppress(ValueError):  # which Picture() makes a MediaError
            picture.claimed_size(content, kind)
    assert 0 <= picture.gif_frames(content) <= 2


def markup(data: bytes) -> None:
    """The text of a cue without tags."""
    text = data.decode("utf-8", errors="surrogateescape")
    for change in (without_markup, without_overrides, clean, entities, plain):
        change(text)


def texts(data: bytes) -> None:
    """A text file, cut into sentences."""
    for row in read_text(_file("text.txt", data)).splitlines():
        sentences(row)


def names(data: bytes) -> None:
    """Names of files, as bytes, and which of them are subtitles of which."""
    raw = data.replace(b"/", b"").replace(b"\0", b"")[:200]
    name = os.fsdecode(raw)
    assert shown(name).replace("\u3000", " ").isprintable()
    as_utf8(name).encode("utf-8")
    written = output_name(name or "x")
    assert all(len(os.fsencode(part)) <= 250 for part in written.split("/"))
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        for part in (raw, *raw.split(b"|")):
            if part.strip(b".") and len(part) < 200:
                Path(folder, os.fsdecode(part)).touch()
        for file in sorted(Path(folder).iterdir())[:3]:
            subtitles_beside(file)


def manifest(data: bytes) -> None:
    """``pack.json``."""
    Manifest.read(_file("pack.json", data)).to_json()


def pool(data: bytes) -> None:
    """``pool.json``, and what the pool answers."""
    pack: Any = SimpleNamespace(read=lambda name: data, folder=_folder())
    found = load_pool(pack)
    with np.errstate(all="ignore"):
        found.fuse(_posteriors(len(MIEN7)))


@cache
def _posteriors(k: int) -> dict[str, Posteriors]:
    probs = np.full((3, k), 1 / k)
    probs[1] = np.nan
    quality = np.array([1.0, 0.0, 0.5])
    return {name: Posteriors(probs, quality) for name in ("face", "text", "voice")}


def analysis(data: bytes) -> None:
    """An analysis as JSON, and what is written of it again."""
    value = _json(data)
    if value is not None:
        found = Analysis.from_dict(value)
        assert Analysis.from_dict(json.loads("".join(json_text(found)))).clip == found.clip


def tables(data: bytes) -> None:
    """Tables of labels and of posteriors."""
    which, content = _chosen(data, 2 * len(TABLES))
    load = list(TABLES.values())[which % len(TABLES)]
    load(_file("table.tsv" if which >= len(TABLES) else "table.csv", content))


def options(data: bytes) -> None:
    """Options as plain values."""
    value = _json(data)
    if value is not None:
        made = Options.from_dict(value)
        assert Options.from_dict(made.to_dict()) == made
        hash(made)


def blends(data: bytes) -> None:
    """Blends of emotions, in TOML or JSON."""
    which, content = _chosen(data, 2)
    read_blends(_file(("blends.json", "blends.toml")[which], content))


def states(data: bytes) -> None:
    """The file of states of a batch."""
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        Path(folder, STATES).write_bytes(data)
        with States(Path(folder), resume=True) as found:
            for path in list(found.names)[:3]:
                found.row(path, {})


def lists(data: bytes) -> None:
    """A list of paths. Slashes are taken out: a line ``/`` would search the whole machine."""
    safe = data.replace(b"/", b"|").replace(b"..", b"|")
    (_folder() / "clip.wav").touch()
    find_clips([str(_file("list.txt", safe + b"\nclip.wav"))])


TARGETS: dict[str, Callable[[bytes], None]] = {
    one.__name__: one
    for one in (
        cues, turns, riff, kinds, markup, texts, names, manifest, pool, analysis, tables, options,
        blends, states, lists,
    )
}  # fmt: skip


class TooDearError(AssertionError):
    """A parser took more than its input allows."""


def probe(name: str, data: bytes) -> None:
    """Run a target on an input, now and then also with a part of it repeated.

    Raises:
        TooDearError: if it takes more time than is linear in the input, or more memory.
        Exception: whatever the parser raised that is no MienError.
    """
    _timed(name, data)
    mark = crc32(data)
    if mark % ONE_IN == 0 and len(data) > 1:
        dear = pumped(data, mark // ONE_IN)
        _timed(name, dear)
        if mark % (4 * ONE_IN) == 0:
            _measured(name, dear[:MEASURED])


def pumped(data: bytes, draw: int) -> bytes:
    """An input with a part of it repeated up to ``PUMPED`` bytes.

    Patterns and loops that look back at what they have read take the square of such an input.
    """
    start = draw % len(data)
    length = 1 + draw // len(data) % min(12, len(data) - start)
    unit = data[start : start + length]
    return data[:start] + unit * (PUMPED // length) + data[start + length * (draw % 2) :]


def _timed(name: str, data: bytes) -> None:
    began = time.process_time()
    with contextlib.suppress(MienError):
        TARGETS[name](data)
    spent = time.process_time() - began
    if spent > SECONDS + SECONDS_A_BYTE * len(data):
        raise TooDearError(f"{name}: {spent:.2f} s for {len(data)} bytes, {data[:60]!r} ...")


def _measured(name: str, data: bytes) -> None:
    tracemalloc.start()
    try:
        with contextlib.suppress(MienError):
            TARGETS[name](data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > BYTES + BYTES_A_BYTE * len(data):
        raise TooDearError(f"{name}: {peak} bytes of memory for {len(data)}, {data[:60]!r} ...")


def tokens(name: str) -> tuple[bytes, ...]:
    """Pieces of which inputs of a target are put together."""
    from tests.fuzz_seeds import seeds

    found = {word for one in seeds(name) for word in _words(one)}
    return tuple(sorted(found))


def _words(seed: bytes) -> Iterator[bytes]:
    for word in seed.replace(b"\n", b" \n ").split(b" "):
        if 0 < len(word) <= 40:
            yield word
