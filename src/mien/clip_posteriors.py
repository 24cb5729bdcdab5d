"""A labelled folder of clips as posteriors: every clip judged by the branches, kept as it goes."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.analyzer import Analyzer
from mien.datasets.clips import WORDS, load_clips
from mien.datasets.csvfile import read_rows
from mien.datasets.posteriors import COLUMNS, load_posteriors, load_table
from mien.datasets.table import LabelledSet
from mien.emotions import MIEN7
from mien.errors import DataError, InputError, OptionError
from mien.facts import as_utf8
from mien.files import replacing
from mien.fusion.compare import judging_folds
from mien.options import FusionOptions, Options, SpeechOptions
from mien.perceive.engines import choose_engine
from mien.posteriors import PosteriorTable

Progress = Callable[[str, float], None]
# Beside those of a table of posteriors: why a branch is absent, and what the row was made from.
KEPT = (*COLUMNS, "reason", "key")
# Of a clip: its name in the folder, label and group.
Facts = tuple[str, str, str]


@dataclass(frozen=True)
class Folder:
    """A folder of labelled clips, to be judged by the branches.

    Args:
        data: see :func:`mien.datasets.clips.load_clips`.
        kept: a CSV in which what was judged is kept, clip by clip; a run that was stopped goes on
            with it. It is a table of posteriors.
        labels: see :func:`mien.datasets.clips.load_clips`.
        packs: by branch, the folder of the pack that judges; the one that ships where none is
            named.
        asr: what hears the words where the labels give none; see
            :class:`mien.options.SpeechOptions`.

    Raises:
        OptionError: if ``kept`` is no CSV.
    """

    data: Path
    kept: Path
    labels: Path | None = None
    packs: Mapping[str, Path] = field(default_factory=dict)
    asr: str = "auto"

    def __post_init__(self) -> None:
        if self.kept.suffix != ".csv":
            raise OptionError.choice("The suffix of what is kept", self.kept.suffix, (".csv",))


def posteriors_at(
    source: Path | Folder, folds: int | None, progress: Progress
) -> tuple[PosteriorTable, tuple[str, ...]]:
    """The posteriors of a table or of a folder, and what failed.

    Args:
        source: a table of votes or posteriors, or a folder whose clips are judged now.
        folds: of the cross-validation to come, so that too few groups are found out before the
            clips are judged; None if there is none.
        progress: told what is being done and the share done.

    Returns:
        the table, and a line for each clip that could not be judged.

    Raises:
        DataError: if the table or the folder cannot be read, has too few groups, or no clip of it
            could be judged.
        PackError: if a pack cannot be used.
    """
    if isinstance(source, Path):
        return load_table(source), ()
    clips = load_clips(source.data, source.labels)
    items = _items(source.data, clips)
    if folds is not None:
        judging_folds(_groups(clips, items), folds, 0)
    failed = judge_clips(source, clips, progress)
    if len(failed) == len(clips):
        raise DataError(f"None of the {len(clips)} clips could be judged: {failed[0]}")
    return load_posteriors(source.kept), failed


def judge_clips(folder: Folder, clips: LabelledSet, progress: Progress) -> tuple[str, ...]:
    """Judge the clips that are not in ``folder.kept`` yet, and write each as soon as it is judged.

    A clip that cannot be read costs only itself: it is tried again in the next run. A clip that
    has changed, or that was judged by other packs or heard in another way, is judged anew.

    Returns:
        a line for each clip that could not be judged.
    """
    bench = _Bench(folder, clips)
    items = _items(folder.data, clips)
    facts = list(
        zip(
            items,
            (MIEN7.labels[label] for label in clips.labels),
            _groups(clips, items).tolist(),
            strict=True,
        )
    )
    folder.kept.parent.mkdir(parents=True, exist_ok=True)
    todo = _keep_what_holds(folder.kept, bench, facts)
    progress(f"{len(clips) - len(todo)} of {len(clips)} clips were judged before", 0.0)
    failed = []
    started = time.perf_counter()
    with folder.kept.open("a", encoding="utf-8", newline="") as file:
        for done, i in enumerate(todo):
            left = (time.perf_counter() - started) / max(done, 1) * (len(todo) - done)
            told = f", about {left / 60:.0f} min to go" if done and left > 90 else ""
            progress(f"clip {done + 1} of {len(todo)}: {items[i]}{told}", done / len(todo))
            try:
                csv.writer(file).writerows(bench.judge(i, facts[i]))
            except InputError as error:
                failed.append(f"{items[i]}: {error}")
            file.flush()
    return tuple(failed)


def _keep_what_holds(path: Path, bench: _Bench, facts: Sequence[Facts]) -> list[int]:
    """Write the file anew with the rows that still hold; the clips that are not among them."""
    kept = _read_kept(path)
    if path.exists() and path.stat().st_size and "key" not in _header(path):
        raise OptionError(
            f"{path} holds no posteriors of an earlier run on clips; name another file, in which "
            "they are kept."
        )
    todo = []
    with replacing(path) as fresh, fresh.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(KEPT)
        for i, (item, label, group) in enumerate(facts):
            rows = kept.get((item, bench.key(i)), [])
            if {row["branch"] for row in rows} < set(bench.branches):
                todo.append(i)
                continue
            # What the labels say now counts, not what they said when it was judged.
            now = {"label": label, "group": group}
            writer.writerows([(row | now)[name] for name in KEPT] for row in rows)
    return todo


class _Bench:
    """The branches, and what they say of one clip."""

    def __init__(self, folder: Folder, clips: LabelledSet) -> None:
        self._clips = clips
        self._words: Sequence[str] | None = clips.extra.get(WORDS)  # type: ignore[assignment]
        # Given words are judged on their own; hearing them as well would cost minutes for nothing.
        asr = folder.asr if self._words is None else "none"
        packs = {name: {"pack": str(pack)} for name, pack in folder.packs.items()}
        self._analyzer = Analyzer(
            Options(
                speech=SpeechOptions(asr=asr), fusion=FusionOptions(rule="mean"), branches=packs
            )
        )
        self.branches = self._analyzer.branches
        self._packs = {
            name: next(iter(branch.spec.packs.values()), "")
            for name, branch in self.branches.items()
        }
        engine = choose_engine(asr)
        heard_by = "" if engine is None else engine.name
        self._made_by = {"asr": asr, "engine": heard_by, "packs": self._packs}

    def key(self, i: int) -> str:
        """What the judgement of clip i rests on, as a short digest."""
        path = Path(self._clips.items[i])
        size = path.stat().st_size if path.is_file() else -1
        words = None if self._words is None else str(self._words[i])
        told = json.dumps({**self._made_by, "size": size, "words": words}, sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def judge(self, i: int, facts: Facts) -> list[list[Any]]:
        """The rows of clip i, one a branch.

        Raises:
            InputError: if it, or a subtitle file beside it, cannot be read.
        """
        analysis = self._analyzer.analyze(self._clips.items[i])
        evidences = dict(analysis.by_branch)
        if self._words is not None and str(self._words[i]):
            evidences |= _of_words(self._analyzer.analyze_text(str(self._words[i])))
        seconds = f"{analysis.clip.duration:.6g}"
        item, label, group = facts
        key = self.key(i)
        return [
            [item, name, label, group, seconds, *_cells(e), self._packs[name], e.reasons[0], key]
            for name, e in evidences.items()
        ]


def _of_words(analysis: Analysis) -> dict[str, Evidence]:
    """What was judged of a text: the words, and nothing else."""
    return {name: e for name, e in analysis.by_branch.items() if e.present.all()}


def _cells(evidence: Evidence) -> list[str]:
    """Quality and the seven, empty where the branch is absent."""
    if not evidence.present[0]:
        return ["", *[""] * len(MIEN7)]
    return [format(float(x), ".6g") for x in (evidence.quality[0], *evidence.probs[0])]


def _items(folder: Path, clips: LabelledSet) -> list[str]:
    return [as_utf8(Path(path).relative_to(folder).as_posix()) for path in clips.items]


def _groups(clips: LabelledSet, items: Sequence[str]) -> Any:
    """The groups; a clip of no group is its own."""
    return np.array([group or item for group, item in zip(clips.groups, items, strict=True)])


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline().strip().split(",")


def _read_kept(path: Path) -> dict[tuple[str, str], list[dict[str, str]]]:
    """The rows of an earlier run by item and key; a row that was cut short is no row."""
    kept: dict[tuple[str, str], list[dict[str, str]]] = {}
    if path.is_file() and path.stat().st_size:
        for row in read_rows(path):
            if row.get("key"):
                kept.setdefault((row["item"], row["key"]), []).append(row)
    return kept
