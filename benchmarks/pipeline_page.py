"""The page of pipeline.py: bars, tables and provenance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

FASTER, MEMORY = 4.0, 0.5
FLOORS, REAL_TIME, PEAK, COLD, LINEAR, SMALL = 1.8, 0.10, 350.0, 1.6, 1.15, 0.01
JUDGED = 60
"""Seconds of media from which on the bars of the default preset apply; the start has its own."""
QUIET = 0.5
"""Load average above which other programs disturbed the measurement."""
TITLES = {"floor": "floor", "none": "without recognition", "whisper": "with recognition"}


@dataclass(frozen=True)
class Bar:
    """One requirement.

    Args:
        name: what is required.
        measured: its value.
        wanted: the limit.
        least: whether the limit is the least value, not the largest.
        unit: of both.
    """

    name: str
    measured: float
    wanted: float
    least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it holds."""
        return self.measured >= self.wanted if self.least else self.measured <= self.wanted


class Results:
    """The cells of a JSON by part, height, seconds, cores and job."""

    def __init__(self, value: dict[str, Any]) -> None:
        self.runs: dict[tuple[str, int, int, int, str], list[dict[str, Any]]] = {}
        for entry in value["cells"].values():
            c = entry["cell"]
            if entry["runs"]:
                key = (c["part"], c["height"], c["seconds"], c["cores"], c["job"])
                self.runs[key] = entry["runs"]

    def get(self, part: str, height: int, seconds: int, cores: int, job: str) -> list[Any]:
        """The runs of a cell; none if it was not measured."""
        return self.runs.get((part, height, seconds, cores, job), [])

    def of(self, part: str) -> list[tuple[int, int, int, str]]:
        """Height, seconds, cores and job of what was measured in a part."""
        found = [key[1:] for key in self.runs if key[0] == part]
        return sorted(found, key=lambda k: (k[0], k[1], -k[2], list(TITLES).index(k[3])
                                            if k[3] in TITLES else 0))  # fmt: skip


def middle(runs: list[dict[str, Any]], name: str) -> float:
    """The median of a figure over the runs."""
    return median(run[name] for run in runs)


def best(runs: list[dict[str, Any]], name: str) -> float:
    """The least value of a figure over the runs."""
    return min(run[name] for run in runs)


# --- bars ------------------------------------------------------------------------------------


def bars(value: dict[str, Any]) -> list[Bar]:
    """Every requirement that the results can judge."""
    results = Results(value)
    return [*_same(results, value), *_default(results), *_linear(results), *_start(results)]


def _same(results: Results, value: dict[str, Any]) -> Iterator[Bar]:
    for height, seconds, cores, job in results.of("same"):
        peer = results.get("same", height, seconds, cores, "peer")
        if job != "paper" or not peer:
            continue
        ours = results.get("same", height, seconds, cores, "paper")
        faster = middle(peer, "whole") / middle(ours, "whole")
        yield Bar("same models: times as fast as the peer", faster, FASTER, least=True)
        share = middle(ours, "peak") / middle(peer, "peak")
        yield Bar("same models: peak memory, share of the peer's", share, MEMORY)
    parts = value.get("answers", {}).get("parts", {})
    for name, part in parts.items():
        # Nothing to compare is no agreement.
        largest = part["largest"] if part["inputs"] else float("nan")
        yield Bar(f"same models: largest difference, {name}", largest, part["bound"])
        if part["inputs"]:
            share = largest / max(part["spread"], 1e-12)
            yield Bar(f"same models: the same by the spread of the answers, {name}", share, SMALL)


def _default(results: Results) -> Iterator[Bar]:
    measured = results.of("default")
    most = max((cores for *_, cores, _ in measured), default=0)
    for height, seconds, cores, job in measured:
        if seconds < JUDGED or cores < most:
            continue
        runs = results.get("default", height, seconds, cores, job)
        where = f"{height}p, {seconds} s, {TITLES[job]}"
        if job == "none":
            floor = results.get("default", height, seconds, cores, "floor")
            ratio = middle(runs, "run") / middle(floor, "work")
            yield Bar(f"{where}: times the floor", ratio, FLOORS)
        elif job == "whisper":
            yield Bar(f"{where}: of real time", middle(runs, "run") / seconds, REAL_TIME)
    for job in ("none", "whisper"):
        peaks = [
            run["peak"] for one in measured if one[3] == job for run in results.get("default", *one)
        ]
        if peaks:
            yield Bar(f"largest peak {TITLES[job]}", max(peaks), PEAK, unit=" MB")


def _linear(results: Results) -> Iterator[Bar]:
    """The cost of a further second in long recordings by that in short ones."""
    measured = results.of("default")
    for height, cores, job in dict.fromkeys((h, c, j) for h, _, c, j in measured if j != "floor"):
        lengths = sorted(s for h, s, c, j in measured if (h, c, j) == (height, cores, job))
        if len(lengths) < 3:
            continue
        a, b, c = (lengths[0], lengths[-2], lengths[-1])
        spent = [middle(results.get("default", height, s, cores, job), "run") for s in (a, b, c)]
        ratio = ((spent[2] - spent[1]) / (c - b)) / ((spent[1] - spent[0]) / (b - a))
        name = f"{height}p {TITLES[job]}: a further second, {b} to {c} s by {a} to {b} s"
        yield Bar(name, ratio, LINEAR)


def _start(results: Results) -> Iterator[Bar]:
    for height, seconds, cores, job in results.of("start"):
        runs = results.get("start", height, seconds, cores, job)
        yield Bar("cold start of mien analyze on 5 s", middle(runs, "whole"), COLD, unit=" s")


# --- page ------------------------------------------------------------------------------------


def provenance(value: dict[str, Any]) -> list[str]:
    """Lines on commit, machine, versions and recordings."""
    about, identity = value["about"], value["identity"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    clips = ", ".join(f"{name} {rate} Mbit/s" for name, rate in value["clips"].items())
    shown = ", ".join(identity["faces"])
    heard = ", ".join(identity["sounds"])
    lines = [
        f"* commit: {about['commit']}",
        f"* machine: {identity['machine']}",
        f"* versions: {versions}",
        f"* recordings: H.264 and AAC, 25 pictures a second, cuts every few seconds; faces of "
        f"{shown}; speech with pauses of {heard}; {clips}",
        f"* load average at the start: {about['load']:.2f}",
    ]
    if about["load"] > QUIET:
        lines += [
            "",
            f"**Other programs were running (load above {QUIET:g}): the seconds below are not "
            "reliable.**",
        ]
    return lines


def page(value: dict[str, Any]) -> str:
    """The whole page."""
    results = Results(value)
    parts: tuple[tuple[str, Callable[[], list[str]]], ...] = (
        ("Bars", lambda: _bars_table(value)),
        ("Same models", lambda: _same_table(results, value)),
        ("Default preset", lambda: _default_table(results)),
        ("By room", lambda: _rooms_table(results)),
        ("Cold start", lambda: _start_table(results)),
        ("Cost over length", lambda: _length_table(results)),
    )
    lines = ["# Speed of the whole pipeline", "", *provenance(value), "", *COUNTED, ""]
    for title, made in parts:
        table = made()
        if table:
            lines += [f"## {title}", "", *table, ""]
    return "\n".join(lines)


COUNTED = (
    "What is counted: every run is a fresh process, files are in the cache of the system. `run` is "
    "import and analysis (opening the models included); `whole` is from the start of the process "
    "to its exit; `warm` a second analysis in the same process. The floor decodes the sound to "
    "16 kHz mono and five gray pictures a second of 576 px by PyAV; its seconds leave out the "
    "import of PyAV. Processor seconds are of all threads and children; memory is the largest "
    "resident memory of the process, with its children if it has some, in MB of 10**6 bytes, "
    "with the settings of the allocator that the command line makes (`mien.memory`). "
    f"Bars are judged by medians, those of the default preset from {JUDGED} s of media on, since "
    "the start has a bar of its own.",
)


def _table(head: str, rows: list[list[str]]) -> list[str]:
    names = head.split(" | ")
    lines = [f"| {head} |", "|---" * len(names) + "|"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)] if rows else []


def _bars_table(value: dict[str, Any]) -> list[str]:
    rows = [
        [
            bar.name,
            f"{bar.measured:.3g}{bar.unit}",
            f"{'at least' if bar.least else 'at most'} {bar.wanted:g}{bar.unit}",
            "met" if bar.met else "**not met**",
        ]
        for bar in bars(value)
    ]
    return _table("bar | measured | wanted | ", rows)


def _same_table(results: Results, value: dict[str, Any]) -> list[str]:
    rows, notes = [], []
    for height, seconds, cores, job in results.of("same"):
        runs = results.get("same", height, seconds, cores, job)
        name = "mien, paper preset" if job == "paper" else "Transformers + OpenCV + ffmpeg"
        rooms = runs[0].get("rooms") or runs[0].get("seconds", {})
        notes.append(f"* {name}: " + ", ".join(f"{k} {v:.2f} s" for k, v in rooms.items()))
        if job == "peer":
            notes.append(f"* sound of the peer by {runs[0]['sound_by']}")
        rows.append([
            name, f"{height}p, {seconds} s", _spread(runs, "whole"),
            f"{middle(runs, 'whole_cpu'):.2f}", f"{middle(runs, 'peak'):.0f}",
        ])  # fmt: skip
    lines = _table("side | recording | whole s, median (best) | processor s | peak MB", rows)
    answers = _answers(value.get("answers"))
    return [*lines, "", *notes, "", *answers] if lines else answers


def _answers(answers: dict[str, Any] | None) -> list[str]:
    if not answers:
        return []
    rows = [
        [name, str(part["inputs"]), _small(part["largest"]), _small(part["spread"]),
         f"{part['bound']:g}", "yes" if part["met"] else "**no**"]
        for name, part in answers["parts"].items()
    ]  # fmt: skip
    words = answers["words"]
    return [
        "Answers of both sides on the same inputs (the same stretches of sound, lines, crops, "
        "posteriors). The spread is how much the answers differ from input to input; the sides may "
        "differ by a hundredth of it:",
        "",
        *_table("part | inputs | largest difference of a posterior | spread | bound | same", rows),
        "",
        "Two steps cannot agree exactly. The words: CTranslate2 in 8 bits on the speech turns, "
        "with a filter against invented words, against Transformers in 32 bits on windows of 30 s "
        "(both with a beam of five); the "
        f"word error rate of one against the other is {words['wer']:.3f}. The faces: Haar boxes "
        "against those of mien's detector, so that crops, and with them the fused posteriors of "
        "the two runs above, differ.",
    ]


def _default_table(results: Results) -> list[str]:
    rows = []
    for height, seconds, cores, job in results.of("default"):
        runs = results.get("default", height, seconds, cores, job)
        spent = "work" if job == "floor" else "run"
        floor = results.get("default", height, seconds, cores, "floor")
        times = middle(runs, spent) / middle(floor, "work") if floor else float("nan")
        warm = [run["warm"] for run in runs if "warm" in run]
        rows.append([
            f"{height}p", f"{seconds} s", str(cores), TITLES[job], _spread(runs, spent),
            f"{middle(runs, spent) / seconds:.3f}", f"{middle(runs, 'cpu') / seconds:.3f}",
            "" if job == "floor" else f"{times:.2f}", f"{middle(runs, 'whole'):.2f}",
            f"{warm[0]:.2f}" if warm else "", f"{max(r['peak'] for r in runs):.0f}",
        ])  # fmt: skip
    return _table(
        "size | length | cores | job | run s, median (best) | of real time | processor s per s "
        "| times the floor | whole s | warm s | peak MB", rows,
    )  # fmt: skip


def _rooms_table(results: Results) -> list[str]:
    """Wall seconds by room, of the run nearest to the median."""
    measured = [one for one in results.of("default") if one[3] != "floor"]
    chosen = [typical(results.get("default", *one), "run") for one in measured]
    rooms = list(dict.fromkeys(room for run in chosen for room in run["rooms"]))
    rows = []
    for (height, seconds, cores, job), run in zip(measured, chosen, strict=True):
        cells = [f"{run['rooms'][room]:.2f}" if room in run["rooms"] else "" for room in rooms]
        imports = run["run"] - run["work"]
        rows.append([f"{height}p, {seconds} s", str(cores), TITLES[job], f"{imports:.2f}", *cells])
    return _table(f"recording | cores | job | import mien | {' | '.join(rooms)}", rows)


def _start_table(results: Results) -> list[str]:
    rows = []
    for height, seconds, cores, job in results.of("start"):
        runs = results.get("start", height, seconds, cores, job)
        rows.append([
            f"`{job}`, {height}p, {seconds} s", str(cores), _spread(runs, "whole"),
            f"{middle(runs, 'whole_cpu'):.2f}", f"{max(r['peak'] for r in runs):.0f}",
        ])  # fmt: skip
    return _table("command | cores | whole s, median (best) | processor s | peak MB", rows)


def _length_table(results: Results) -> list[str]:
    measured = results.of("default")
    lengths = sorted({seconds for _, seconds, _, _ in measured})
    rows = []
    for height, cores, job in dict.fromkeys((h, c, j) for h, _, c, j in measured):
        found = [results.get("default", height, s, cores, job) for s in lengths]
        spent = "work" if job == "floor" else "run"
        cells = [
            f"{middle(runs, spent) / s:.3f}" if runs else ""
            for runs, s in zip(found, lengths, strict=True)
        ]
        rows.append([f"{height}p", str(cores), TITLES[job], *cells])
    heads = " | ".join(f"{s} s" for s in lengths)
    table = _table(f"size | cores | job | {heads}", rows)
    return ["Seconds per second of media:", "", *table] if table and len(lengths) > 1 else []


def typical(runs: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The run whose figure is nearest to the median."""
    centre = middle(runs, name)
    return min(runs, key=lambda run: abs(run[name] - centre))


def _spread(runs: list[dict[str, Any]], name: str) -> str:
    if len(runs) == 1:
        return f"{runs[0][name]:.2f}"
    return f"{middle(runs, name):.2f} ({best(runs, name):.2f})"


def _small(value: float | None) -> str:
    return "" if value is None else f"{value:.2g}"


def profiles(value: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The profiles by title."""
    results = Results(value)
    found = {}
    for height, seconds, cores, job in results.of("profile"):
        (run,) = results.get("profile", height, seconds, cores, job)
        found[f"{height}p, {seconds} s, {TITLES[job]}"] = run["profile"]
    return found
