"""What is found out about an answer beside the answer: why, where modalities differ, what follows.

The value types and their wire form; ``mien.fusion.explain`` and ``mien.fusion.derived`` make them.
Nothing of it is judged by a model: all of it is derived from the evidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

DECIMALS = 4
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
        weight: ``a_m`` in this subset; see :meth:`mien.fusion.pooled.Pool.weight`.
        quality: in [0, 1].
        without: the answer that there would be without it.
        decisive: whether that is another one.
    """

    name: str
    says: str
    log_odds: float
    weight: float
    quality: float
    without: str
    decisive: bool


@dataclass(frozen=True)
class Explanation:
    """One answer taken apart.

    Args:
        answer: the likeliest label.
        second: the next.
        log_odds: of the answer against the second; the prior's and the contributions' sum.
        prior: what the prior alone gives.
        contributions: of the modalities that are present.
    """

    answer: str
    second: str
    log_odds: float
    prior: float
    contributions: tuple[Contribution, ...]

    @property
    def words(self) -> str:
        """``"joy over neutral: face +1.8, words -0.3 (nats); without the face: neutral"``."""
        louder = sorted(self.contributions, key=lambda c: -abs(c.log_odds))
        shares = [f"{plain_name(c.name)} {c.log_odds:+.1f}" for c in louder]
        told = f"{self.answer} over {self.second}: {', '.join(shares)}, prior {self.prior:+.1f}"
        changed = [f"without the {plain_name(c.name)}: {c.without}" for c in louder if c.decisive]
        return "; ".join([told, *changed])


@dataclass(frozen=True)
class Disagreement:
    """How far the modalities contradict one another.

    Args:
        degree: normalised Jensen-Shannon divergence, in [0, 1].
        camps: who names which label, the smallest camp first; empty where it is no conflict.
    """

    degree: float
    camps: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """``"words say joy; face and voice say disgust"``, "" where it is no conflict."""
        return "; ".join(f"{_listed(names)} {label}" for label, names in self.camps.items())


@dataclass(frozen=True)
class Finding:
    """What is found out about the answer to one segment. All of it is derived.

    Args:
        disagreement: of the modalities.
        explanation: why; None where nothing was judged and for rules that have no log-odds.
        blends: likeness to named mixtures, in [0, 1]; empty where nothing was judged.
        valence: expected pleasantness in [-1, 1], None where nothing was judged.
        intensity: how strongly something other than calm is shown, in [0, 1], None likewise.
        abstained: whether the answer is too unsure for the risk that was asked for; its
            probabilities stay as they are.
    """

    disagreement: Disagreement
    explanation: Explanation | None = None
    blends: Mapping[str, float] = field(default_factory=dict)
    valence: float | None = None
    intensity: float | None = None
    abstained: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values, marked as derived."""
        told = self.explanation
        return {
            "derived": True,
            "explanation": None if told is None else _rounded(asdict(told)) | {"words": told.words},
            "disagreement": {
                "degree": round(self.disagreement.degree, DECIMALS),
                "camps": {label: list(who) for label, who in self.disagreement.camps.items()},
                "words": self.disagreement.words,
            },
            "blends": _rounded(dict(self.blends)),
            "valence": _rounded(self.valence),
            "intensity": _rounded(self.intensity),
            "abstained": self.abstained,
        }

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> Finding:
        """The inverse of :meth:`to_dict`."""
        told, camps = value["explanation"], value["disagreement"]["camps"]
        return cls(
            Disagreement(
                value["disagreement"]["degree"], {label: tuple(who) for label, who in camps.items()}
            ),
            None if told is None else _explanation(told),
            dict(value["blends"]),
            value["valence"],
            value["intensity"],
            value["abstained"],
        )


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


def _explanation(value: Mapping[str, Any]) -> Explanation:
    rest = {k: v for k, v in value.items() if k not in ("contributions", "words")}
    return Explanation(
        **rest, contributions=tuple(Contribution(**c) for c in value["contributions"])
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    if isinstance(value, dict):
        return {key: _rounded(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return value
