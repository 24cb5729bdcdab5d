"""The way of fusing that was asked for: a rule, the shipped pool, or a pool of the user's."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Disagreement, Finding
from mien.errors import InputError, LabelError, OptionError
from mien.files import read_text
from mien.fusion.derived import BLENDS, Blend, blend_scores, intensity, valence
from mien.fusion.explain import disagreement, explain, threshold_for
from mien.fusion.pack import KIND, load_pools
from mien.fusion.pool import Pool
from mien.fusion.rules import RULES, fuse
from mien.packs import Pack, find_pack

POOLED = "pooled"
CHOICES = (POOLED, *RULES)
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class MethodOptions:
    """How to fuse.

    Args:
        fusion: ``pooled`` (the pool that ships), a rule of ``RULES``, or the folder of a pack that
            ``mien train fusion`` wrote.
        weights: by modality, in place of the learned ones; see
            :meth:`mien.fusion.pooled.Pool.reweighted`.
        max_risk: the share of wrong answers that is put up with; answers that are too unsure for it
            are marked as abstained. None to answer always.
        blends: a file with named mixtures that are added to the table; see :func:`read_blends`.

    Raises:
        OptionError: if the fusion is neither known nor a folder, or weights or a risk are given to
            a rule that has none.
    """

    fusion: str = POOLED
    weights: Mapping[str, float] | None = None
    max_risk: float | None = None
    blends: str | Path | None = None

    def __post_init__(self) -> None:
        if self.fusion not in CHOICES and not Path(self.fusion).is_dir():
            raise OptionError.choice("fusion", self.fusion, (*CHOICES, "the folder of a pack"))
        asked = [n for n in ("weights", "max_risk") if getattr(self, n) is not None]
        if asked and self.fusion in RULES:
            raise OptionError(
                f"The rule {self.fusion!r} has no learned weights and no risk curve, so "
                f"{asked[0]} cannot be given; use it with 'pooled' or a pack."
            )
        if len(asked) == 2:
            raise OptionError(
                "weights and max_risk cannot be given together: the risk was measured with the "
                "learned weights and does not hold for others."
            )


class Method:
    """Fuses evidences and says what follows from them; a pool loads at first use.

    Args:
        options: see :class:`MethodOptions`.
    """

    def __init__(self, options: MethodOptions) -> None:
        self.options = options
        self._blends = BLENDS if options.blends is None else read_blends(Path(options.blends))

    @cached_property
    def pack(self) -> Pack | None:
        """The fusion pack; None for a rule."""
        if self.options.fusion in RULES:
            return None
        return find_pack(KIND, None if self.options.fusion == POOLED else self.options.fusion)

    @cached_property
    def pool(self) -> Pool | None:
        """The pool under the user's weights; None for a rule."""
        if self.pack is None:
            return None
        return load_pools(self.pack).plain.reweighted(self.options.weights or {})

    @cached_property
    def threshold(self) -> float:
        """The least top probability to answer at; 0 where no risk was asked for."""
        if self.pool is None or self.options.max_risk is None:
            return 0.0
        return threshold_for(self.pool, self.options.max_risk)

    def check(self, branches: Mapping[str, Any]) -> None:
        """Find out before the work whether all that was asked for can be had.

        Raises:
            OptionError: if a weight is of a modality that nobody judges, the weights silence all of
                them, or the risk is never had.
            PackError: if the pack cannot be used.
        """
        weights = self.options.weights or {}
        for name in weights:
            if name not in branches:
                raise OptionError.choice("A weight's modality", name, branches)
        if branches and all(weights.get(name) == 0 for name in branches):
            raise OptionError(f"The weights {dict(weights)} silence everything; raise one.")
        _ = self.threshold

    def fuse(self, evidences: Mapping[str, Evidence]) -> Evidence:
        """The fused evidence."""
        if self.pool is None:
            return fuse(evidences, self.options.fusion)
        return self.pool.fuse(evidences)

    def findings(self, evidences: Mapping[str, Evidence], fused: Evidence) -> tuple[Finding, ...]:
        """What is derived from the answer to each segment."""
        return tuple(self._finding(evidences, fused, row) for row in range(len(fused.segments)))

    def _finding(self, evidences: Mapping[str, Evidence], fused: Evidence, row: int) -> Finding:
        if not fused.present[row]:
            return Finding(Disagreement(0.0))
        probs = fused.probs[row]
        apart = disagreement(evidences, row)
        return Finding(
            disagreement=apart,
            explanation=None if self.pool is None else explain(self.pool, evidences, row),
            blends=blend_scores(probs, apart.degree, self._blends),
            valence=float(valence(probs)),
            intensity=float(intensity(probs)),
            abstained=bool(probs.max() < self.threshold),
        )

    def warnings(self, packs: Mapping[str, Mapping[str, str]]) -> tuple[str, ...]:
        """Where the pool was fitted for other packs than those that judged.

        Args:
            packs: by branch, SHA-256 by pack name.
        """
        if self.pack is None or self.pool is None:
            return ()
        name = self.pack.manifest.name
        fitted: Mapping[str, str] = self.pack.manifest.training.get("fitted_for", {})
        lines = [
            f"{name} was fitted for another {branch} pack ({fitted[branch][:12]}..., here "
            f"{', '.join(digest[:12] + '...' for digest in used.values())}); fit it anew with "
            "'mien train fusion'."
            for branch, used in packs.items()
            if branch in fitted and fitted[branch] not in used.values()
        ]
        lines += [
            f"{name} was not fitted with {branch}; it enters as it is."
            for branch in packs
            if branch not in self.pool.readers
        ]
        return tuple(lines)


def read_blends(path: Path) -> tuple[Blend, ...]:
    """The table of blends with those of a TOML or JSON file; one of the same name is replaced.

    A blend is a table of shares by label; ``conflict = true`` in it says that it also needs the
    modalities to contradict one another::

        [bittersweet]
        joy = 2
        sadness = 1

    Raises:
        OptionError: if the file cannot be read or an entry is no blend.
        LabelError: if a label is unknown.
    """
    try:
        text = read_text(path, _MOST_BYTES)
        table = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
        entries = dict(table)
        made = [_blend(name, dict(entry)) for name, entry in entries.items()]
    except InputError as error:
        raise error if isinstance(error, LabelError) else OptionError(str(error)) from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise OptionError(
            f"{path} is not a table of blends ({error}); give TOML or JSON with shares by label "
            "under each name."
        ) from None
    new = {blend.name: blend for blend in made}
    return (*(blend for blend in BLENDS if blend.name not in new), *new.values())


def _blend(name: str, entry: dict[str, Any]) -> Blend:
    conflict = bool(entry.pop("conflict", False))
    return Blend(name, {label: float(share) for label, share in entry.items()}, conflict)
