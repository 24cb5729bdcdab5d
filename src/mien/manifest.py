"""``pack.json``: what a model pack contains, checked when it is read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from mien.errors import InputError, PackError
from mien.files import is_there, read_regular

FORMAT = 1
KINDS = ("face", "voice", "text", "fusion", "detector")
MOST_BYTES = 16 * 2**20
"""Size from which on a ``pack.json`` is refused."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Convention:
    """One of several answers of a model: its labelling convention and calibration.

    Args:
        columns: of the model's output: the first, and the one after the last.
        temperature, bias, prior: as of :class:`Manifest`.
        about: the convention in a sentence.
    """

    columns: tuple[int, int]
    temperature: float
    prior: tuple[float, ...]
    bias: tuple[float, ...] = ()
    about: str = ""


@dataclass(frozen=True)
class Manifest:
    """The content of ``pack.json``.

    Args:
        name: of the pack.
        version: of the pack.
        kind: what it serves: the branch ``face``, ``voice`` or ``text``, the ``fusion`` or the
            ``detector``.
        labels: order of the model's logits.
        input: the input contract; a branch refuses a pack whose contract is not its own.
        temperature: what the logits are divided by.
        bias: by label, what is then added to them; empty for nothing.
        prior: share of each label in the training targets, in the order of ``labels``.
        files: SHA-256 by file name. Names are relative and stay inside the pack.
        licence: under which the pack may be used.
        training: data with their licences, command, seed, commit, machine.
        metrics: figures with the set, the split and the command that gave them.
        threshold: above which a label counts as given in a multi-label judgement.
        mapping: our label by the model's, for those labels whose name does not tell.
        conventions: by name, the answers of a model that was taught more than one way of labelling
            the same items; the first, in the first columns, is given unless another is asked for,
            and ``temperature``, ``bias`` and ``prior`` are its. Empty for a model with one answer.

    Raises:
        PackError: if a value is out of its range or does not fit the others.
    """

    name: str
    version: str
    kind: str
    labels: tuple[str, ...]
    input: Mapping[str, Any]
    temperature: float
    prior: tuple[float, ...]
    files: Mapping[str, str]
    licence: str
    training: Mapping[str, Any]
    metrics: tuple[Mapping[str, Any], ...]
    threshold: float = 0.5
    mapping: Mapping[str, str] = field(default_factory=dict)
    bias: tuple[float, ...] = ()
    format: int = field(default=FORMAT)
    conventions: Mapping[str, Convention] = field(default_factory=dict)

    def __post_init__(self) -> None:
        k = len(self.labels)
        _need(self.kind in KINDS, "kind", self.kind, f"one of {', '.join(KINDS)}")
        _need(len(set(self.labels)) == k and all(self.labels), "labels", self.labels, "distinct")
        for name, digest in self.files.items():
            _need(is_inside(name), "files", name, "names inside the pack, without links upwards")
            _need(bool(_SHA256.fullmatch(digest)), f"files.{name}", digest, "a SHA-256")
        _check_answer("", self, k)
        for name, one in self.conventions.items():
            _check_answer(f"conventions.{name}.", one, k)
            first, end = one.columns
            _need(0 <= first < end == first + k, f"conventions.{name}.columns", one.columns, str(k))

    def to_json(self) -> str:
        """The text of ``pack.json``."""
        value = dict(self.__dict__)
        value["conventions"] = {name: c.__dict__ for name, c in self.conventions.items()}
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read ``pack.json``.

        Raises:
            PackError: if it is missing, not a regular file, not JSON, of another format, or has a
                value of another type or out of its range.
        """
        if not is_there(path):
            raise PackError(
                f"{path.parent} is no model pack: it holds no pack.json. Give a folder that "
                "'mien train' or 'mien models convert' wrote."
            )
        try:
            text = read_regular(path, MOST_BYTES)
            head = msgspec.json.decode(text, type=dict[str, Any])
            if head.get("format") != FORMAT:
                raise PackError(
                    f"{path} has the pack format {str(head.get('format'))[:40]!r}; this version of "
                    f"mien reads {FORMAT}."
                )
            surplus = sorted(set(head) - {one.name for one in fields(cls)})
            if surplus:
                raise PackError(f"{path} has keys that no manifest has: {', '.join(surplus)[:80]}.")
            return msgspec.json.decode(text, type=cls)
        except InputError as error:
            raise PackError(str(error)) from None
        except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
            raise PackError(
                f"{path} is not a valid manifest ({error}); fetch or train the pack again."
            ) from None


def is_inside(name: str) -> bool:
    r"""Whether a file name is relative and stays inside the folder that it is relative to.

    Examples:
        >>> [is_inside(n) for n in ("model.onnx", "a/b.json", "../x", "/etc/passwd", "a\\b", "")]
        [True, True, False, False, False, False]
    """
    path = PurePosixPath(name)
    plain = "\\" not in name and "\0" not in name and ":" not in name
    return bool(name) and plain and not path.is_absolute() and ".." not in path.parts


def _check_answer(at: str, answer: Manifest | Convention, k: int) -> None:
    finite = math.isfinite(answer.temperature) and answer.temperature > 0
    _need(finite, f"{at}temperature", answer.temperature, "a finite number above 0")
    _numbers(f"{at}prior", answer.prior, (k,), positive=True)
    _numbers(f"{at}bias", answer.bias, (0, k), positive=False)


def _numbers(name: str, values: Sequence[float], lengths: tuple[int, ...], positive: bool) -> None:
    fine = all(math.isfinite(v) and (v >= 0 or not positive) for v in values)
    wanted = f"{' or '.join(str(n) for n in lengths)} finite numbers{' >= 0' * positive}"
    _need(len(values) in lengths and fine, name, values, wanted)


def _need(holds: bool, name: str, value: object, wanted: str) -> None:
    if not holds:
        raise PackError(f"pack.json: {name} is {str(value)[:80]!r}; expected {wanted}.")
