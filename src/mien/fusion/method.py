"""The way of fusing that was asked for: a rule, the shipped pool, or a pool of the user's."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Disagreement, Explanation
from mien.errors import InputError, LabelError, OptionError
from mien.files import read_text
from mien.fusion.derived import BLENDS, Blend, blend_scores, intensity, valence
from mien.fusion.explain import decompose, disagreement, threshold_for
from mien.fusion.pack import KIND, load_pool
from mien.fusion.partial import spread
from mien.fusion.pool import Pool
from mien.fusion.rules import RULES, fuse
from mien.mathematics import BoolArray
from mien.options import POOLED, FusionOptions
from mien.pack_folders import find_pack
from mien.packs import Pack
from mien.posteriors import Posteriors

_MOST_BYTES = 1 << 20


class Method:
    """Fuses evidences and says what follows from them; a pool loads at first use.

    Args:
        options: see :class:`mien.options.FusionOptions`.

    Raises:
        OptionError: if the file of blends cannot be read.
    """

    def __init__(self, options: FusionOptions) -> None:
        self.options = options
        self._blends = BLENDS if options.blends is None else read_blends(Path(options.blends))

    @cached_property
    def pack(self) -> Pack | None:
        """The fusion pack; None for a rule."""
        if self.options.rule in RULES:
            return None
        return find_pack(KIND, None if self.options.rule == POOLED else self.options.rule)

    @cached_property
    def pool(self) -> Pool | None:
        """The pool under the user's weights; None for a rule."""
        if self.pack is None:
            return None
        return load_pool(self.pack).reweighted(self.options.weights or {})

    @cached_property
    def threshold(self) -> float:
        """The least top probability to answer at; 0 where no risk was asked for."""
        if self.pool is None or self.options.max_risk is None:
            return 0.0
        return threshold_for(self.pool, self.options.max_risk)

    def check(self, branches: Mapping[str, Any]) -> None:
        """Refuse weights that fit no branch; no pack is read.

        Raises:
            OptionError: if a weight is of a branch that is not installed, or all weights are 0.
        """
        weights = self.options.weights or {}
        for name in weights:
            if name not in branches:
                raise OptionError.choice("The branch of a weight", name, branches)
        if branches and all(weights.get(name) == 0 for name in branches):
            raise OptionError(
                f"The weights {dict(weights)} are all 0; give at least one branch a weight above 0."
            )

    def open(self) -> None:
        """Read the pack now, so that what cannot be used is found before the work.

        Raises:
            OptionError: if the answers of the pack never reach the error rate asked for.
            PackError: if the pack cannot be used.
        """
        _ = self.pool, self.threshold

    def fuse(
        self, evidences: Mapping[str, Evidence], named: Mapping[str, BoolArray] | None = None
    ) -> Evidence:
        """The fused evidence.

        Args:
            evidences: by branch.
            named: by branch, the labels ``(7,)`` that it can name
                (:attr:`mien.emotions.LabelMap.named`); it has no say on the others. All by default.

        Raises:
            OptionError: if there is no evidence at all.
        """
        segments = next((one.segments for one in evidences.values()), ())
        if self.pool is None:
            seconds = [segment.duration for segment in segments]
            fused = fuse(self._said(evidences, named), self.options.rule, seconds)
        else:
            fused = self.pool.fuse(self._said(evidences, named))
        return Evidence.of("fused", segments, fused, "no modality could be judged")

    def _said(
        self, evidences: Mapping[str, Evidence], named: Mapping[str, BoolArray] | None
    ) -> dict[str, Posteriors]:
        """Posteriors as fusion reads them; a pool that was fitted to a branch reads it as it is."""
        fitted = () if self.pool is None else self.pool.readers
        return {
            name: spread(one, named[name])
            if named and name in named and name not in fitted
            else one
            for name, one in evidences.items()
        }

    def explanations(
        self,
        evidences: Mapping[str, Evidence],
        fused: Evidence,
        named: Mapping[str, BoolArray] | None = None,
    ) -> tuple[Explanation, ...]:
        """The explanation of the answer to each segment; arguments as of :meth:`fuse`."""
        said = self._said(evidences, named)
        return tuple(self._explanation(said, fused, row) for row in range(len(fused.segments)))

    def _explanation(
        self, evidences: Mapping[str, Posteriors], fused: Evidence, row: int
    ) -> Explanation:
        if not fused.present[row]:
            return Explanation(Disagreement(0.0))
        probs = fused.probs[row]
        apart = disagreement(evidences, row)
        return Explanation(
            disagreement=apart,
            decomposition=None if self.pool is None else decompose(self.pool, evidences, row),
            blends=blend_scores(probs, apart.degree, self._blends),
            valence=float(valence(probs)),
            intensity=float(intensity(probs)),
            abstained=bool(probs.max() < self.threshold),
        )

    def warnings(
        self, packs: Mapping[str, Mapping[str, str]], judged: Collection[str] | None = None
    ) -> tuple[str, ...]:
        """Where the pool was fitted for other packs than those that judged.

        Args:
            packs: by branch, SHA-256 by pack name.
            judged: the branches that judged something; None for all of ``packs``.
        """
        if self.pack is None or self.pool is None:
            return ()
        name = self.pack.manifest.name
        fitted: Mapping[str, str] = self.pack.manifest.training.get("fitted_for", {})
        lines = [
            f"{name} was fitted for another {branch} pack ({fitted[branch][:12]}..., here "
            f"{', '.join(digest[:12] + '...' for digest in used.values())}); fit it again with "
            "'mien train fusion'."
            for branch, used in packs.items()
            if branch in fitted and fitted[branch] not in used.values()
        ]
        lines += [
            f"{name} was not fitted with {branch}; it enters uncalibrated."
            for branch in packs
            if branch not in self.pool.readers and (judged is None or branch in judged)
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
        if not isinstance(table, dict):
            raise ValueError(f"a list or a single value: {str(table)[:40]}")
        entries = table
        made = [_blend(name, dict(entry)) for name, entry in entries.items()]
    except InputError as error:
        raise error if isinstance(error, LabelError) else OptionError(str(error)) from None
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise OptionError(
            f"{path} is not a table of blends ({reason}); give TOML or JSON with shares by label "
            "under each name."
        ) from None
    new = {blend.name: blend for blend in made}
    return (*(blend for blend in BLENDS if blend.name not in new), *new.values())


def _blend(name: str, entry: dict[str, Any]) -> Blend:
    conflict = bool(entry.pop("conflict", False))
    return Blend(name, {label: float(share) for label, share in entry.items()}, conflict)
