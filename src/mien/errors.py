"""Every error that mien raises on purpose.

    MienError
    ├── InputError          what was handed in cannot be used (exit code 2)
    │   ├── MediaError      a recording cannot be opened or decoded
    │   │   └── SandboxError    decoding crashed, hung or exceeded a limit in the sandbox
    │   ├── DataError       a labelled set is not laid out as expected
    │   ├── LabelError      an emotion label is unknown or does not fit the space
    │   └── OptionError     an option has a value it cannot have
    ├── OutputError         a file cannot be written
    ├── PackError           a model pack is missing, damaged or of another kind
    ├── HubError            a checkpoint is not on this machine and cannot be fetched
    ├── ContractError       a plug-in broke its contract (a bug in the plug-in)
    └── MissingExtraError   an optional dependency is not installed

Absence is a value (an absent row with its reason); failure is one of these, and its
message names the bad value, what was expected and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable


class MienError(Exception):
    """Root of all errors that mien raises on purpose."""


class InputError(MienError):
    """What was handed in cannot be used."""


class MediaError(InputError):
    """A recording cannot be opened or decoded."""


class SandboxError(MediaError):
    """Decoding crashed, hung or exceeded a limit in the process that was confined for it."""


class DataError(InputError):
    """A labelled set is not laid out as expected."""


class LabelError(InputError):
    """An emotion label is unknown or does not fit the space."""


class OptionError(InputError):
    """An option has a value that it cannot have."""

    @classmethod
    def choice(cls, option: str, value: object, choices: Iterable[str]) -> OptionError:
        """The error for a value that is not among ``choices``."""
        listed = ", ".join(choices)
        return cls(f"{option} cannot be {value!r}; choose one of: {listed}.")


class OutputError(MienError):
    """A file cannot be written."""


class PackError(MienError):
    """A model pack is missing, damaged or of another kind."""


class HubError(MienError):
    """A checkpoint is not on this machine and cannot be fetched."""


class ContractError(MienError):
    """A plug-in broke its contract."""


class MissingExtraError(MienError):
    """An optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'mien[{extra}]'.")
