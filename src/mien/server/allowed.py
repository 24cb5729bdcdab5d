"""Which options a client may choose: none that names a file, a folder or a model of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mien.errors import OptionError
from mien.options import MediaOptions, Options
from mien.options.groups import POOLED, RULES
from mien.server.settings import Settings

ENGINES = ("auto", "whisper", "none")
DETECTORS = ("auto", "embedded")
CONVENTIONS = ("observers", "fer2013", None)
PORTRAITS = 200
"""Pictures of faces that an analysis may keep."""
HIDDEN = (
    "media.max_hours", "media.sandbox", "media.sandbox_memory", "media.sandbox_cpu",
    "media.sandbox_wall", "media.sandbox_disk", "speech.words", "fusion.blends",
)  # fmt: skip
"""Options that are no choice of a client: how a file is decoded safely, and names of files."""
_OWN = MediaOptions()
_LIMITS = ("sandbox_memory", "sandbox_cpu", "sandbox_wall", "sandbox_disk")


def options_of(given: Any, settings: Settings) -> Options:
    """The options of a job, the sandbox on.

    Args:
        given: plain values from a client.
        settings: with the limits.

    Raises:
        OptionError: if there is no such option, it has a value it cannot have, or one that only
            the operator of a service may choose.
    """
    if not isinstance(given, Mapping):
        raise OptionError(f"options cannot be {given!r:.80}; give a JSON object.")
    groups = {
        name: dict(group) if isinstance(group := given.get(name, {}), Mapping) else {}
        for name in ("media", "speech", "faces", "fusion")
    }
    _choice("speech.asr", groups["speech"], ENGINES)
    _choice("faces.detector", groups["faces"], DETECTORS)
    _choice("faces.convention", groups["faces"], CONVENTIONS)
    _choice("fusion.rule", groups["fusion"], (POOLED, *RULES))
    for group, name in (("speech", "words"), ("fusion", "blends")):
        if groups[group].get(name) is not None:
            raise OptionError(
                f"{group}.{name} names a file, which a service does not read; leave it out."
            )
    if given.get("branches"):
        raise OptionError("branches cannot be chosen by a client of a service; leave them out.")
    if groups["media"].get("sandbox", True) is not True:
        raise OptionError("media.sandbox cannot be switched off in a service; leave it out.")
    hours = settings.max_duration / 3600
    plain = dict(given)
    if isinstance(given.get("media", {}), Mapping):
        plain["media"] = {"max_hours": hours, **groups["media"], "sandbox": True}
    made = Options.from_dict(plain)
    most = {"max_hours": hours} | {name: getattr(_OWN, name) for name in _LIMITS}
    for name, limit in most.items():
        if getattr(made.media, name) > limit:
            raise OptionError(
                f"media.{name} cannot be {getattr(made.media, name):g} in this service; give at "
                f"most {limit:g}, or leave it out."
            )
    if made.portraits > PORTRAITS:
        raise OptionError(f"portraits cannot be {made.portraits}; give at most {PORTRAITS}.")
    return made


def _choice(name: str, group: Mapping[str, Any], choices: tuple[str | None, ...]) -> None:
    option = name.partition(".")[2]
    if option in group and group[option] not in choices:
        raise OptionError.choice(name, group[option], map(str, choices))
