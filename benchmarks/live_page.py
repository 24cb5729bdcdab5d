"""The page of ``benchmarks/live.py``: its tables, and which bars are missed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

BARS = {"face": 0.3, "words": 1.5, "difference": 0.02, "growth": 30.0}
"""Seconds (95th percentile), seconds, probability, megabytes."""

_DELAYS = """\
Seconds. Utterances with pauses of 2.5 s in faint noise and five JPEGs a second, in real time. The
end of speech is planted in the sound; the delay of words contains the silence that the speech
detector waits for (0.4 s from the end that it finds). Pictures that were left out have no row."""
_NUMBERS = """\
Largest difference of a probability in the final windows. `same grid` is `no` if a window, or
whether it was judged, differs."""
_MEMORY = "Half of each minute with speech, five JPEGs a second, pushed as fast as it can be."
_KINDS = (("face", "picture to face row"), ("words", "end of speech to words and fused row"))


def written(value: dict[str, Any]) -> str:
    """The page."""
    lines = ["# Live analysis", ""]
    if "delays" in value:
        lines += ["## Delays", "", *_delays(value["delays"]), ""]
    if "numbers" in value:
        lines += ["## Numbers against `mien analyze --by window`", ""]
        lines += [*_numbers(value["numbers"]), ""]
    if "memory" in value:
        lines += ["## Memory over an hour", "", *_memory(value["memory"])]
    return "\n".join(lines).rstrip() + "\n"


def missed(value: dict[str, Any]) -> list[str]:
    """The bars that are missed."""
    out = [
        f"{one['way']}: {key}"
        for one in value.get("delays", [])
        for key, _ in _KINDS
        if not one[key] or one[key]["p95"] > BARS[key]
    ]
    for row in value.get("numbers", {}).get("clips", []):
        worst = max(row["apart"].values(), default=0)
        if row["otherwise"] or not row["grid"] or worst > BARS["difference"]:
            out.append(f"numbers of {row['clip']}")
    if value.get("memory", {}).get("growth", 0) > BARS["growth"]:
        out.append("memory")
    return out


def _delays(ways: list[dict[str, Any]]) -> Iterator[str]:
    yield from (_head(ways[0]), "", _DELAYS, "")
    yield "| way | of | n | p50 | p95 | p99 | most | bar (p95) |"
    yield "|---|---|---|---|---|---|---|---|"
    for one in ways:
        counts = {"face": one["pictures"] - one["dropped"], "words": one["timed"]}
        for key, name in _KINDS:
            bar = f"{BARS[key]:g} s"
            yield f"| {one['way']} | {name} | {counts[key]} | {_cells(one[key])} | {bar} |"
        if "status" in one:
            yield f"| {one['way']} | status call meanwhile | | {_cells(one['status'])} | |"
    yield ""
    for one in ways:
        breath = one["utterances"] - one["timed"] - one["unheard"]
        yield (
            f"* {one['way']}: {one['seconds']:g} s; {one['dropped']} of {one['pictures']} pictures "
            f"left out; words were found in {one['utterances'] - one['unheard']} of "
            f"{one['utterances']} utterances"
        )
        if breath:
            yield f"  not timed since they end in a breath of half a second or more: {breath}"
        yield (
            f"  processor time of the session: {one['cpu']:.2f} s a second; load of the machine, "
            f"other work included: {one['load']}"
        )
        if one.get("real_time"):
            yield "  it ran before other work of the machine (real-time scheduling, `chrt -r 5`)"


def _numbers(value: dict[str, Any]) -> Iterator[str]:
    yield from (_head(value), "", _NUMBERS, "")
    yield "| clip | seconds | windows | same grid | words | voice | face | fused |"
    yield "|---|---|---|---|---|---|---|---|"
    for row in value["clips"]:
        names = ("text", "voice", "face", "fused")
        apart = [f"{row['apart'][n]:.4f}" if n in row["apart"] else "" for n in names]
        same = "yes" if row["grid"] and not row["otherwise"] else "no"
        cells = [row["clip"], str(row["seconds"]), str(row["windows"]), same, *apart]
        yield f"| {' | '.join(cells)} |"


def _memory(value: dict[str, Any]) -> Iterator[str]:
    yield from (_head(value), "", _MEMORY, "", "| minute | resident MB |", "|---|---|")
    for minute, megabytes in value["resident"]:
        yield f"| {minute} | {megabytes} |"
    bar = f"bar {BARS['growth']:g}"
    yield from ("", f"Growth from the tenth minute on: {value['growth']} MB ({bar}).")


def _head(one: dict[str, Any]) -> str:
    return f"* commit: {one['commit']}\n* machine: {one['machine']}"


def _cells(one: dict[str, float]) -> str:
    return " | ".join(f"{one[name]:.3f}" if one else "" for name in ("p50", "p95", "p99", "most"))
