"""The result of a run as a page and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from mien.convert.provenance import commit, machine

FINE = frozenset({"analysed", "refused", "not made"})
"""Outcomes that are no failures; a name that the file system does not take is not made."""
ORDER = (
    "analysed", "refused", "not made", "bad message", "foreign exception", "crash", "hang",
    "memory", "left behind", "outside read",
)  # fmt: skip
Rows = dict[str, dict[str, Any]]


def counts(found: Rows) -> dict[str, Counter[str]]:
    """Cases by group and outcome."""
    groups: dict[str, Counter[str]] = {}
    for name, row in found.items():
        groups.setdefault(name.partition("/")[0], Counter())[row["outcome"]] += 1
    return groups


def summary(found: Rows) -> str:
    """One line a group."""
    lines = []
    for group, by_outcome in counts(found).items():
        told = ", ".join(f"{by_outcome[o]} {o}" for o in ORDER if by_outcome[o])
        lines.append(f"{group:12} {sum(by_outcome.values()):5}: {told}")
    return "\n".join(lines)


def page(found: Rows, facts: dict[str, Any], out: Path) -> None:
    """Write ``hostile.md`` and ``hostile.json``; ``hostile-sandbox`` of a run in the sandbox."""
    out.mkdir(parents=True, exist_ok=True)
    groups = counts(found)
    failed = {name: row for name, row in found.items() if row["outcome"] not in FINE}
    value = {
        **facts, "commit": commit(), "machine": machine(), "cases": len(found),
        "seconds": round(sum(row["seconds"] for row in found.values())),
        "processor_seconds": round(sum(row.get("cpu", 0.0) for row in found.values())),
        "counts": {group: dict(by_outcome) for group, by_outcome in groups.items()},
        "failures": {name: f"{row['outcome']}: {row['detail'][:300]}" for name, row in failed.items()},
        "slowest": [[name, row.get("cpu", row["seconds"])] for name, row in _most(found, "cpu")],
        "largest": [[name, row["peak"]] for name, row in _most(found, "peak")],
    }  # fmt: skip
    name = "hostile-sandbox" if value["sandbox"] else "hostile"
    (out / f"{name}.json").write_text(json.dumps(value, indent=1, ensure_ascii=True) + "\n")
    (out / f"{name}.md").write_text(_markdown(value, groups))


def _most(found: Rows, field: str) -> list[tuple[str, dict[str, Any]]]:
    rows = [(name, row) for name, row in found.items() if field in row]
    return sorted(rows, key=lambda pair: -pair[1][field])[:8]


def _markdown(value: dict[str, Any], groups: dict[str, Counter[str]]) -> str:
    used = [o for o in ORDER if any(by_outcome[o] for by_outcome in groups.values())]
    used += [o for o in ORDER if o not in used and o not in FINE]
    command = "python benchmarks/hostile" + (" --short" if value["form"] == "short" else "")
    command += " --sandbox" if value["sandbox"] else ""
    traced = "traced by strace" if value["strace"] else "not traced (no strace)"
    lines = [
        "# Hostile files",
        "",
        f"`{command} --seed {value['seed']} --out benchmarks/results`, {value['cases']} cases: "
        f"{value['processor_seconds']} s of processor time, {value['seconds']} s by the clock of a "
        f"shared machine; sandbox: {'yes' if value['sandbox'] else 'no'}; opened files of the groups "
        f"disguises, references, places, names and sidecars {traced}.",
        "",
        f"Commit {value['commit']}; {value['machine']}.",
        "",
        f"| group | cases | {' | '.join(used)} |",
        f"|---|{'---:|' * (len(used) + 1)}",
    ]
    for group, by_outcome in groups.items():
        cells = " | ".join(str(by_outcome[o]) for o in used)
        lines.append(f"| {group} | {sum(by_outcome.values())} | {cells} |")
    total = {o: sum(by_outcome[o] for by_outcome in groups.values()) for o in used}
    lines.append(f"| **all** | {value['cases']} | {' | '.join(str(total[o]) for o in used)} |")
    lines += ["", f"## Failures: {len(value['failures'])}", ""]
    lines += [f"* `{name}`: {_plain(what)}" for name, what in value["failures"].items()]
    lines += ["", "## What took longest (processor seconds)", ""]
    lines += [f"* `{name}`: {seconds:.1f}" for name, seconds in value["slowest"]]
    lines += ["", "## What took most memory (MB beyond what the process had)", ""]
    lines += [f"* `{name}`: {peak / 2**20:.0f}" for name, peak in value["largest"]]
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


def _plain(text: str) -> str:
    kept = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(kept.split())[:240].replace("<", "\\<")
