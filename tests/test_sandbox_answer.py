"""The answer of a process that nobody trusts: what fits together is taken, all else refused."""

import dataclasses
import os
import re
import socket
import tempfile
import time
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from mien.errors import OptionError
from mien.facts import ClipFacts
from mien.media import caps, guard, open_clip, picture, sound, text
from mien.options import MediaOptions
from mien.perceive import formats
from mien.perceive.faces import FoundFaces, followed
from mien.perceive.watch import Means, Watched, WatchOptions, watch
from mien.sandbox import calls, failures, limits, open_confined, wire
from mien.sandbox.answer import watched_message, watched_of
from mien.sandbox.limits import Limits
from mien.sandbox.process import Server
from mien.scene import AUDIO, FACES, SHOTS, FaceSamples
from mien.timebase import Segment
from tests.test_sandbox import told

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def real(demo_clip):
    """A real answer as bytes, with the files of its spools."""
    with tempfile.TemporaryFile() as sound_file, tempfile.TemporaryFile() as crops:
        with closing(open_clip(demo_clip)) as clip:
            means = Means(sound=sound_file, crops=crops)
            found = watch(clip, {AUDIO, SHOTS, FACES}, WatchOptions(), told, lambda: False, means)
        found.sound.flush()
        found.faces.crops.flush()
        yield msgspec.msgpack.encode(watched_message(found)), sound_file, crops


def taken(content, real):
    """The answer as it is taken."""
    # Files of its own: a spool that is let go closes its file.
    copies = [os.fdopen(os.dup(one.fileno()), "r+b") for one in real[1:]]
    try:
        done = msgspec.msgpack.decode(content, type=wire.Done)
        return watched_of(done, "a.mp4", *copies), copies
    except BaseException:
        for one in copies:
            one.close()
        raise


def refused(message, real):
    with pytest.raises((ValueError, msgspec.MsgspecError)):
        taken(msgspec.msgpack.encode(message), real)


def test_every_field_travels(real):
    found, _ = taken(real[0], real)
    assert {f.name for f in dataclasses.fields(Watched)} == set(wire.Done.__struct_fields__)
    facts = {f.name for f in dataclasses.fields(ClipFacts)} - {"path"}
    assert facts == set(wire.Facts.__struct_fields__)
    faces = {f.name for f in dataclasses.fields(FoundFaces)} - {"every"} | {"samples"}
    assert faces == set(wire.Faces.__struct_fields__)
    done = msgspec.msgpack.decode(real[0], type=wire.Done)
    assert set(done.faces.samples) == {f.name for f in dataclasses.fields(FaceSamples)}
    assert found.facts.path == "a.mp4"
    assert found.sound.read(Segment(0, 9)).any()
    assert followed(found.faces, found.shots).tracks


def plain(real):
    return msgspec.msgpack.decode(real[0])


SWAPS = {
    "facts.duration": [-1.0, float("nan"), float("inf"), 1e300, "x", None],
    "facts.kind": ["", "film", 7],
    "facts.width": [-1, 10**9, 1.5],
    "facts.audio": ["x" * 10_000, None],
    "facts.gaps": [[[5.0, 1.0]], [[float("nan"), 1.0]], [[1.0]], "x"],
    "facts.notes": [["x"] * 1000, [7]],
    "extent": [[5.0, 1.0], [float("nan"), 1.0], [0.0, float("inf")], [1.0]],
    "captions": [[[2.0, 1.0, "x"]], [[float("nan"), 1.0, "x"]], [[0.0, 1.0]], [[0.0, 1.0, b"x"]]],
    "shots": [[2.0, 1.0], [float("nan")], [-1.0], ["x"]],
    "sound.count": [-1, 1 << 40, 1 << 60, 10**7],
    "sound.start": [float("nan"), -1.0],
    "sound.places": [b"", b"x", b"\xff" * 8, np.array([2**62]).tobytes(), bytes(16)],
    "sound.rows": [b"", b"\xff" * 8, np.array([5]).tobytes(), bytes(16)],
    "faces.crops": [-1, 1 << 40, 10**7, 1],
    "faces.looked": [b"x", np.array([np.nan]).tobytes(), np.array([9.0, 1.0]).tobytes(), b""],
    "faces.sure": [b"", np.array([np.nan]).tobytes()],
    "faces.clothes": [b"", b"x"],
    "faces.samples": [{}, {"times": b""}],
}


@pytest.mark.parametrize("path", SWAPS)
def test_a_value_that_cannot_be_is_refused(real, path):
    for value in SWAPS[path]:
        message = plain(real)
        *way, last = path.split(".")
        at = message
        for name in way:
            at = at[name]
        at[last] = value
        refused(message, real)


@pytest.mark.parametrize("column", [f.name for f in dataclasses.fields(FaceSamples)])
def test_a_column_of_the_faces_that_cannot_be_is_refused(real, column):
    dtype = {"times": "f8", "rolls": "f8", "crops": "i8"}.get(column, "f4")
    bad = [-1, 2**40] if dtype == "i8" else [np.inf, -np.inf]
    bad += [] if column in ("turns", "rolls", "crops", "skin") else [np.nan]
    bad += {"scores": [2.0, -1.0], "rolls": [45.0], "times": [-1.0]}.get(column, [])
    for value in bad:
        message = plain(real)
        values = np.frombuffer(message["faces"]["samples"][column], dtype).copy()
        values[len(values) // 2] = value
        message["faces"]["samples"][column] = values.tobytes()
        refused(message, real)
    for content in (b"", b"xyz", message["faces"]["samples"][column][:-8]):
        message = plain(real)
        message["faces"]["samples"][column] = content
        refused(message, real)


def test_bytes_that_were_changed_anywhere_are_refused_or_harmless(real):
    """Whatever is taken can be used: no error but of mien comes of it later."""
    rng = np.random.default_rng(0)
    kept = 0
    for _ in range(400):
        content = bytearray(real[0])
        for at in rng.integers(0, len(content), rng.integers(1, 8)):
            content[at] = rng.integers(256)
        try:
            found, _ = taken(bytes(content), real)
        except (ValueError, msgspec.MsgspecError):
            continue
        kept += 1
        with np.errstate(all="ignore"):
            for faces in filter(None, [found.faces]):
                tracks = followed(faces, found.shots or ()).tracks
                for track in tracks:
                    faces.crops.take(track.samples.crops.tolist())
        if found.sound is not None:
            found.sound.read(Segment(0.0, 1.0))
    assert kept > 50


def test_messages_are_read_to_their_limit():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.PREFIX.pack(200))
        with pytest.raises(wire.UnreadableError, match="message of 200 bytes; at most 100"):
            wire.Answers(ours, 100).next(time.monotonic() + 5)


def test_words_of_the_process_are_shown_and_nothing_else():
    some = Limits.of(MediaOptions(), 1000)
    error = failures.reported("a", "MediaError", "x\x1b[31m\ny", some)
    assert str(error) == "x\\x1b[31m\\x0ay"
    for kind in ("Iterable", "annotations", "__doc__", "os", "", "KeyboardInterrupt", "SystemExit"):
        assert isinstance(failures.reported("a", kind, "x", some), failures.SandboxError)
    assert type(failures.reported("a", "MissingExtraError", "x", some)).__name__ == "MienError"


# --- layers ----------------------------------------------------------------------------------

OLD_KERNEL = """
import mien.sandbox.calls as calls
import mien.sandbox.kernel as kernel
if {layer!r} == "Landlock":
    kernel.deny_files = lambda: False
else:
    calls.program = lambda machine=None: None
from tests.hostile_clips import open_clip
"""
BY_LANDLOCK = {"read-other", "read-itself-by-name", "list", "write", "mkdir", "unlink", "exec"}


@pytest.mark.parametrize(
    ("layer", "attempts"),
    [
        ("Landlock", sorted(BY_LANDLOCK | {"inet", "fork", "signal-parent", "memfd"})),
        ("seccomp", sorted(BY_LANDLOCK)),
    ],
)
def test_each_layer_holds_where_the_other_is_missing_and_that_is_said(
    tmp_path, monkeypatch, layer, attempts
):
    (tmp_path / "old_kernel.py").write_text(OLD_KERNEL.format(layer=layer))
    monkeypatch.syspath_prepend(str(tmp_path))
    with closing(Server("old_kernel:open_clip")) as server:
        for attempt in attempts:
            path = tmp_path / f"{attempt}.wav"
            path.write_bytes(b"x")
            with closing(open_confined(path, MediaOptions(), server=server)) as source:
                assert source.facts.notes in (("EPERM",), ("EACCES",)), attempt
                (warning,) = source.warnings
    assert re.match(rf"The sandbox is incomplete: this kernel lacks {layer}, ", warning)


def test_the_numbers_of_the_system_calls_are_those_of_the_kernel():
    """Against the headers of the C library, where they are installed."""
    headers = {
        "x86_64": (Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), r"__NR_(\w+)\s+(\d+)"),
        "aarch64": (
            Path("/usr/include/asm-generic/unistd.h"), r"__NR(?:3264)?_(\w+)\s+(\d+)",
        ),
    }  # fmt: skip
    for machine, (header, pattern) in headers.items():
        numbers = calls.NUMBERS[machine][1]
        assert len(set(numbers.values())) == len(numbers)
        if header.is_file():
            known = {n: int(v) for n, v in re.findall(pattern, header.read_text())}
            known["newfstatat"] = known.get("newfstatat", known.get("fstatat"))
            assert numbers == {name: known[name] for name in numbers}


def test_a_filter_on_each_machine_ends_in_a_refusal():
    for machine in calls.NUMBERS:
        program = calls.program(machine)
        assert program[-1] == (0x06, 0, 0, 0x00050001)
        for i, (code, yes, no, _) in enumerate(program):
            if code in (0x15, 0x35, 0x45):
                assert i + 1 + max(yes, no) < len(program)
    assert calls.program("riscv64") is None


# --- the page --------------------------------------------------------------------------------


def test_the_limits_of_the_page_are_those_of_the_code():
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    made = MediaOptions()
    rows = [
        f"| `--sandbox-memory` | {made.sandbox_memory:g} GB |",
        f"| `--sandbox-cpu` | {made.sandbox_cpu:g} s |",
        f"| `--sandbox-wall` | {made.sandbox_wall:g} s |",
        f"| `--sandbox-disk` | {made.sandbox_disk:g} GB | each of the two temporary files; at most "
        f"{limits.SPOOL_START / 1e6:g} MB and {limits.SPOOL_RATE} bytes",
        f"| | {limits.OPEN_FILES} | descriptors",
        f"| | {limits.ANSWER_MOST / 1e9:g} GB | the answer; at most {limits.ANSWER_START / 1e6:g} "
        f"MB and {limits.ANSWER_RATE} bytes",
        f"| length | {made.max_hours:g} hours",
        f"| size of a picture | {guard.MAX_SIDE} pixels a side, {guard.MAX_PIXELS / 1e6:g} million",
        f"| pictures a second | {caps.MAX_PICTURES} |",
        f"| streams of a file | {caps.MAX_STREAMS} |",
        f"| channels of the sound | {caps.MAX_CHANNELS} |",
        f"| samples a second | {sound.LOWEST_RATE} to {sound.HIGHEST_RATE} |",
        f"| lines of a subtitle track | {caps.MAX_LINES}, and {caps.MAX_CHARACTERS} characters |",
        f"| a picture file | {picture.MAX_BYTES / 1e6:g} MB |",
        f"| a text | {text.MAX_BYTES / 1e6:g} MB |",
        f"| a subtitle file | {formats.MAX_BYTES / 1e6:g} MB |",
    ]
    assert [row for row in rows if row not in page] == []


def test_time_is_given_for_a_length_that_the_bytes_allow():
    some = Limits.of(MediaOptions(sandbox_wall=60), 1_000_000)
    assert some.wall(0.0, 1_000_000) == 60 + 500  # nothing claimed
    assert some.wall(600.0, 1_000_000) == 60 + 600
    assert some.wall(1e11, 1_000_000) == 60 + 8000
    assert some.wall(1e11, 10**12) == 60 + 48 * 3600


@pytest.mark.parametrize(
    "given", [{"sandbox_memory": 0}, {"sandbox_cpu": -1}, {"sandbox_wall": float("nan")},
              {"sandbox_disk": "x"}, {"max_hours": float("inf")}, {"sandbox": 1}],
)  # fmt: skip
def test_limits_that_cannot_be(given):
    with pytest.raises(OptionError, match=next(iter(given))):
        MediaOptions(**given)
    with pytest.raises(OptionError, match="'memory' is 0"):
        Limits(0, 1, 1.0, 1.0, 1.0, 1)
