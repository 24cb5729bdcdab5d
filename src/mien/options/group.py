"""What every group of options shares: values that cannot be changed, and checks that name them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from pathlib import Path
from typing import Any, ClassVar

from mien.errors import OptionError


def option(default: Any, flag: str, meaning: str, metavar: str | None = None) -> Any:
    """A field with what the command line and ``docs/options.md`` say of it."""
    said = {"flag": flag, "meaning": meaning, "metavar": metavar}
    return field(default=default, metadata=said)


class FrozenMap(Mapping[str, Any]):
    """A mapping that cannot be changed, can be hashed and can be pickled."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any]) -> None:
        self._items = dict(items)

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items))

    def __repr__(self) -> str:
        return repr(self._items)


class Group:
    """What the groups share: errors that name the option as Python and the command line do."""

    group: ClassVar[str] = ""

    def _name(self, option: str) -> str:
        """``faces.frame_rate (--fps)``."""
        one = next(f for f in fields(self) if f.name == option)  # type: ignore[arg-type]
        flag = one.metadata.get("flag", "")
        path = f"{self.group}.{option}" if self.group else option
        return f"{path} ({flag})" if flag else path

    def check_several(self) -> None:
        """Check that the options can serve several recordings; a group of a plug-in overrides it.

        Raises:
            OptionError: if one of them is of a single recording.
        """

    def read_with(self, recording: Path) -> tuple[Path, ...]:
        """The files and folders that are read with a recording; a group of a plug-in overrides it.

        ``mien batch --resume`` analyses a recording again when one of them was changed.

        Args:
            recording: its path; the file need not be there.
        """
        return ()

    def _set(self, option: str, value: Any) -> None:
        object.__setattr__(self, option, value)

    def _refuse(self, option: str, remedy: str) -> OptionError:
        return OptionError(f"{self._name(option)} cannot be {getattr(self, option)!r}; {remedy}.")

    def _number(self, option: str, remedy: str) -> float:
        """The value as a finite number."""
        value = getattr(self, option)
        if isinstance(value, bool) or not isinstance(value, int | float) or not finite(value):
            raise self._refuse(option, remedy)
        self._set(option, float(value))
        return float(value)

    def _text(self, option: str, remedy: str) -> str:
        value = getattr(self, option)
        if isinstance(value, Path):
            self._set(option, str(value))
        elif not isinstance(value, str):
            raise self._refuse(option, remedy)
        return str(value)

    def _choice(self, option: str, choices: tuple[str, ...]) -> None:
        value = getattr(self, option)
        if value not in choices:
            raise OptionError.choice(self._name(option), value, choices)

    def _file(self, option: str) -> None:
        """A file as a path; that it exists is checked when it is read."""
        value = getattr(self, option)
        if value is None or isinstance(value, Path):
            return
        if not isinstance(value, str) or not value:
            raise self._refuse(option, "give the path of a file, or None")
        self._set(option, Path(value))


def finite(value: float) -> bool:
    """Whether a number is finite as a float, however large an integer is."""
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_keys(value: Any, known: set[str], group: str) -> None:
    """Refuse plain values that are no mapping or name an option that does not exist.

    Raises:
        OptionError: naming the options that there are.
    """
    where = f"The options {group!r}" if group else "Options"
    if not isinstance(value, Mapping):
        raise OptionError(f"{where} cannot be {value!r}; give a mapping from name to value.")
    for key in value:
        if key not in known:
            path = f"{group}.{key}" if group else str(key)
            owner = f"{group!r} has" if group else "there are"
            raise OptionError(f"There is no option {path!r}; {owner}: {', '.join(sorted(known))}.")


def frozen(value: Any, where: str) -> Any:
    """A plain value that cannot be changed."""
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and finite(value):
        return value
    if isinstance(value, Mapping):
        return FrozenMap({str(k): frozen(v, f"{where}[{k!r}]") for k, v in value.items()})
    if isinstance(value, list | tuple):
        return tuple(frozen(v, f"{where}[{i}]") for i, v in enumerate(value))
    raise OptionError(
        f"{where} cannot be {value!r}; give text, a finite number, True, False, None, a list or a "
        "mapping."
    )


def thawed(value: Any) -> Any:
    """The plain form of options and of what they hold."""
    if isinstance(value, Group):
        return {f.name: thawed(getattr(value, f.name)) for f in fields(value)}  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return {key: thawed(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [thawed(one) for one in value]
    return str(value) if isinstance(value, Path) else value
