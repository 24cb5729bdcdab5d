"""The options that a written analysis names, compared with those of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mien.errors import OptionError
from mien.options.groups import DECODING
from mien.options.options import Options, described

# Names before version 0.2, where options were flat, and where each stands now.
_FLAT = {
    "fusion": ("fusion", "rule"),
    "weights": ("fusion", "weights"),
    "max_risk": ("fusion", "max_risk"),
    "blends": ("fusion", "blends"),
    "asr": ("speech", "asr"),
    "transcript": ("speech", "words"),
    "detector": ("faces", "detector"),
    "frame_rate": ("faces", "frame_rate"),
}
_FLAT_BRANCHES = {
    ("face", "person"): ("faces", "person"),
    ("face", "policy"): ("faces", "policy"),
    ("face", "convention"): ("faces", "convention"),
    ("text", "source"): ("speech", "words_source"),
}
# They change no answer.
_HARMLESS = ("portraits", *(f"media.{name}" for name in DECODING))


def differing(recorded: Mapping[str, Any], now: Options) -> tuple[str, ...]:
    """The paths of the options in which an analysis differs from those of now, sorted.

    Args:
        recorded: ``Provenance.options`` of the analysis, also as written before version 0.2.
            An option that it does not name had its default.
        now: the options asked for.

    Raises:
        OptionError: if the recorded options cannot be read, as those of a later version.

    Examples:
        >>> differing({"cut": {"by": "window"}, "fusion": "mean"}, Options())
        ('fusion.rule', 'segmentation.by')
    """
    try:
        then = Options.from_dict(_nested(recorded) if "cut" in recorded else recorded)
    except OptionError as error:
        raise OptionError(
            f"The options of the earlier analysis cannot be read: {error} It cannot be resumed; "
            "analyse the recording anew."
        ) from None
    before, after = dict(_leaves(then.to_dict())), dict(_leaves(now.to_dict()))
    paths = sorted(before.keys() | after.keys())
    return tuple(
        path for path in paths if path not in _HARMLESS and before.get(path) != after.get(path)
    )


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they were written before 0.2 in the form of today."""
    out: dict[str, Any] = {"segmentation": {}, "speech": {}, "faces": {}, "fusion": {}}
    for name, value in flat.items():
        if name == "branches":
            out["branches"] = _branches(value, out)
        elif name == "cut":
            out["segmentation"] = value
        elif name in _FLAT:
            group, option = _FLAT[name]
            out[group][option] = value
        else:
            out[name] = value
    return out


def _branches(given: Mapping[str, Mapping[str, Any]], out: dict[str, Any]) -> dict[str, Any]:
    """The options of branches; those that have a group now go into ``out``."""
    kept: dict[str, Any] = {}
    for branch, options in given.items():
        for key, value in options.items():
            if (branch, key) in _FLAT_BRANCHES:
                group, option = _FLAT_BRANCHES[branch, key]
                out[group][option] = value
            else:
                kept.setdefault(branch, {})[key] = value
    return kept


def _leaves(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, one in value.items():
        if isinstance(one, Mapping) and before + name not in described():
            yield from _leaves(one, f"{before}{name}.")
        else:
            yield before + name, one
