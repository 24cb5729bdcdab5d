"""The explanation of an answer: why, where modalities differ, what follows.

The value types; ``mien.fusion.explain`` and ``mien.fusion.derived`` make them. Nothing of it is
judged by a model: all of it is derived from the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Literal

from mien.analysis.codec import Number, Share

# How a modality is called in plain words, and whether that is a plural.
_PLAIN = {"text": "words"}
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Contribution:
    """What one modality brought to one answer.

    Args:
        name: of the modality.
        says: its own likeliest label.
        log_odds: of the answer against the second label, in nats; below 0 it spoke against.
        weight: ``a_m`` in this subset; see :meth:`mien.fusion.pool.Pool.weight`.
        quality: in [0, 1].
        without: the answer that there would be without it.
        decisive: whether that is another one.
    """

    name: str
    says: str
    log_odds: float
    weight: float
    quality: Share
    without: str
    decisive: bool


@dataclass(frozen=True)
class Decomposition:
    """One answer taken apart into log-odds.

    Args:
        answer: the likeliest label.
        second: the next.
        log_odds: of the answer against the second, in nats; the sum of the prior's and the
            contributions'.
        prior: what the prior alone gives.
        contributions: of the modalities that are present.
    """

    answer: str
    second: str
    log_odds: float
    prior: float
    contributions: tuple[Contribution, ...]
    ALSO_WRITTEN: ClassVar = ("words",)

    @property
    def words(self) -> str:
        """``"joy over neutral: face +1.8, words -0.3 (nats); without the face: neutral"``."""
        ordered = sorted(self.contributions, key=lambda c: (-round(abs(c.log_odds), 1), c.name))
        shares = [f"{plain_name(c.name)} {c.log_odds:+.1f}" for c in ordered]
        told = f"{self.answer} over {self.second}: {', '.join(shares)}, prior {self.prior:+.1f}"
        changed = [f"without the {plain_name(c.name)}: {c.without}" for c in ordered if c.decisive]
        return "; ".join([told, *changed])


@dataclass(frozen=True)
class Disagreement:
    """How far the modalities contradict one another.

    Args:
        degree: normalised Jensen-Shannon divergence, in [0, 1].
        camps: who names which label, the smallest camp first; empty where it is no conflict.
    """

    degree: Share
    camps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ALSO_WRITTEN: ClassVar = ("words",)

    @property
    def words(self) -> str:
        """``"words say joy; face and voice say disgust"``, "" where it is no conflict."""
        return "; ".join(f"{_listed(names)} {label}" for label, names in self.camps.items())


@dataclass(frozen=True)
class Explanation:
    """What is derived from the answer to one segment; nothing of it is judged by a model.

    Args:
        disagreement: of the modalities.
        decomposition: why; None where nothing was judged and for rules that have no log-odds.
        blends: likeness to named mixtures, in [0, 1]; empty where nothing was judged.
        valence: expected pleasantness in [-1, 1], None where nothing was judged.
        intensity: how strongly something other than calm is shown, in [0, 1], None likewise.
        abstained: whether the answer is too unsure for the risk that was asked for; its
            probabilities stay as they are.
    """

    disagreement: Disagreement
    decomposition: Decomposition | None = field(default=None, metadata={"was": ("explanation",)})
    blends: Mapping[str, Share] = field(default_factory=dict)
    valence: Annotated[float, Number(low=-1, high=1)] | None = None
    intensity: Share | None = None
    abstained: bool = False
    ALSO_WRITTEN: ClassVar = ("derived",)

    @property
    def derived(self) -> Literal[True]:
        """A mark for those who read the JSON alone."""
        return True


def plain_name(name: str) -> str:
    """What a modality is called in a sentence.

    Examples:
        >>> plain_name("text"), plain_name("voice")
        ('words', 'voice')
    """
    return _PLAIN.get(name, name)


def _listed(names: tuple[str, ...]) -> str:
    called = [plain_name(name) for name in names]
    if len(called) == 1:
        return f"{called[0]} {'say' if names[0] in _PLAIN else 'says'}"
    return f"{', '.join(called[:-1])} and {called[-1]} say"
