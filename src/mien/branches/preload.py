"""When the models of branches are loaded: early enough that nobody waits, and not all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from mien.branches.contract import Branch
from mien.loading import Verifiable, loading
from mien.scene import AUDIO, FACES, SHOTS, SPEECH, TRANSCRIPT, ClipFacts, Scene, TrackKey

SHORT, MEDIUM = 30.0, 120.0
"""Seconds of a clip up to which all models, and a large first one, are loaded while it is decoded.
Those of a longer clip would take memory for a gain that nobody notices."""


@runtime_checkable
class _Large(Verifiable, Protocol):
    @property
    def is_large(self) -> bool: ...


def _is_large(branch: Branch) -> bool:
    return isinstance(branch, _Large) and branch.is_large


def large_models(branches: Mapping[str, Branch]) -> list[Verifiable]:
    """The branches whose model is so large that it was not verified when the pack was opened."""
    return [one for one in branches.values() if isinstance(one, _Large) and one.is_large]


def soon_used(branches: Mapping[str, Branch], facts: ClipFacts, asr: str) -> list[Branch]:
    """The branches that a clip is expected to use, to be loaded while it is decoded.

    Those are all of a short clip. Of one of medium length it is the one that judges first, if its
    model is large; a longer clip has none.

    Args:
        branches: by name.
        facts: of the clip.
        asr: where the words come from, see ``SpeechOptions``.
    """
    tracks: set[TrackKey[Any]] = {AUDIO, SPEECH} if facts.has_audio else set()
    if facts.has_video:
        tracks |= {FACES, SHOTS}
    if facts.kind == "text" or (facts.has_audio and asr != "none"):
        tracks |= {TRANSCRIPT}
    used = [branch for branch in branches.values() if tracks.issuperset(branch.spec.needs)]
    if facts.duration <= SHORT:
        return used
    first = used[:1] if facts.duration <= MEDIUM else []
    return [branch for branch in first if _is_large(branch)]


def in_turn(branches: Mapping[str, Branch], scene: Scene) -> Iterator[tuple[str, Branch]]:
    """The branches by name; while one judges, the model of the next is loaded.

    Large models come first and last, so that one is loaded while small ones judge. Two large ones
    are never in memory for this: that would cost more memory than the time is worth.

    Args:
        branches: by name.
        scene: of the recording; a branch whose tracks are absent is not loaded.
    """
    first = next(iter(branches), None)
    names = sorted(branches, key=lambda name: name != first and _is_large(branches[name]))
    for name, following in zip(names, [*names[1:], None], strict=True):
        after = [] if following is None else [branches[following]]
        wanted = [
            branch
            for branch in after
            if not (_is_large(branches[name]) and _is_large(branch))
            and all(scene.get(track) is not None for track in branch.spec.needs)
        ]
        with loading(wanted):
            yield name, branches[name]
