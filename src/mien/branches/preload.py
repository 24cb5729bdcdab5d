"""When the models of branches are loaded: early enough that nobody waits, and not all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from mien.branches.contract import Branch
from mien.loading import Verifiable, loading
from mien.scene import AUDIO, FACES, SHOTS, SKIN, SPEECH, TRANSCRIPT, ClipFacts, Scene, TrackKey

SHORT, MEDIUM = 30.0, 120.0
"""Seconds of a clip up to which all models, and that of the branch that judges first, are loaded
while it is decoded. Those of a longer clip would take memory for a gain that nobody notices."""


TOGETHER = 128_000_000
"""Bytes that one of two large models may have at most if both are in memory for some time."""


@runtime_checkable
class _Sized(Verifiable, Protocol):
    @property
    def large_model(self) -> int: ...


def size_of(branch: Branch) -> int:
    """Bytes of a model that takes long to load; 0 for a small one."""
    return branch.large_model if isinstance(branch, _Sized) else 0


def large_models(branches: Mapping[str, Branch], facts: ClipFacts) -> list[Verifiable]:
    """Large models, to be verified while a long clip is decoded.

    They were not verified when their packs were opened. Those of other clips are loaded soon, which
    verifies them.

    Args:
        branches: by name.
        facts: of the clip.
    """
    if facts.duration <= MEDIUM:
        return []
    return [one for one in branches.values() if isinstance(one, _Sized) and one.large_model]


def soon_used(branches: Mapping[str, Branch], facts: ClipFacts, asr: str) -> list[Branch]:
    """The branches that a clip is expected to use, to be loaded while it is decoded.

    Those are all of a short clip. Of one of medium length it is the one that judges first; a longer
    clip has none.

    Args:
        branches: by name.
        facts: of the clip.
        asr: where the words come from, see ``SpeechOptions``.
    """
    tracks: set[TrackKey[Any]] = {AUDIO, SPEECH} if facts.has_audio else set()
    if facts.has_video:
        tracks |= {FACES, SHOTS, SKIN}
    if facts.kind == "text" or (facts.has_audio and asr != "none"):
        tracks |= {TRANSCRIPT}
    used = [branch for branch in branches.values() if tracks.issuperset(branch.spec.needs)]
    if facts.duration <= SHORT:
        return used
    if facts.duration > MEDIUM:
        return []
    return [branch for branch in _turns(branches).values() if branch in used][:1]


def in_turn(branches: Mapping[str, Branch], scene: Scene) -> Iterator[tuple[str, Branch]]:
    """The branches by name in their turns; while one judges, the model of the next is loaded.

    Two that are larger than ``TOGETHER`` are not held in memory for this.

    Args:
        branches: by name.
        scene: of the recording; a branch whose tracks are absent is not loaded.
    """
    turns = list(_turns(branches).items())
    for i, (name, branch) in enumerate(turns):
        wanted = [
            following
            for _, following in turns[i + 1 : i + 2]
            if min(size_of(branch), size_of(following)) <= TOGETHER
            and all(scene.get(track) is not None for track in following.spec.needs)
        ]
        with loading(wanted):
            yield name, branch


def _turns(branches: Mapping[str, Branch]) -> dict[str, Branch]:
    """The branches by name, in the order in which they judge.

    If the model of the first is large, it comes first: it is loaded while the clip is decoded. Then
    come the small ones, the last first, since the text branch has most to load: its model and the
    one that identifies languages. Other large ones come in the order of their size, so that they
    are loaded while others judge.
    """
    first = next((name for name in [*branches][:1] if size_of(branches[name])), None)
    names = sorted(reversed([*branches]), key=lambda name: (name != first, size_of(branches[name])))
    return {name: branches[name] for name in names}
