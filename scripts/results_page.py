"""Write measured results into pages that quote them: `python scripts/results_page.py [--check]`.

`docs/limits.md` lists the bars that `benchmarks/results/pipeline.md` says are missed, and
`docs/hostile-files.md` the counts of both runs of the corpus.
"""

from __future__ import annotations

import re
from pathlib import Path

from generated import between, settled

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
CORPUS = {"hostile.md": "Without the sandbox", "hostile-sandbox.md": "In the sandbox"}


def missed() -> str:
    """The table of missed bars, and on what it was measured."""
    text = (RESULTS / "pipeline.md").read_text(encoding="utf-8")
    about = {name: re.search(rf"^\* {name}: (.+)$", text, re.M) for name in ("commit", "machine")}
    rows = [line for line in text.splitlines() if line.endswith("| **not met** |")]
    table = [row.replace(" | **not met** |", " |") for row in rows]
    where = ", ".join(f"{name} {found[1]}" for name, found in about.items() if found)
    return "\n".join(
        ["", f"{where}:", "", "| bar | measured | wanted |", "|---|---|---|", *table, ""]
    )


def hostile() -> str:
    """What became of the cases of the corpus, with and without the sandbox."""
    lines = [""]
    for name, title in CORPUS.items():
        text = (RESULTS / name).read_text(encoding="utf-8")
        found = re.search(r"(\d+) cases: (\d+) s of processor", text)
        failures = re.search(r"^## Failures: (\d+)$", text, re.M)
        commit = re.search(r"^Commit (.+)\.$", text, re.M)
        if not (found and failures and commit):
            raise SystemExit(f"{name} is not what benchmarks/hostile writes.")
        lines += [
            f"{title}: {failures[1]} failures in {found[1]} cases, {found[2]} s of processor time "
            f"(commit {commit[1]}; [what took longest](../benchmarks/results/{name})).",
            "",
            *re.findall(r"^\|.*\|$", text, re.M),
            "",
        ]
    return "\n".join(lines)


def main() -> int:
    """Write or check the pages."""
    wrong = 0
    for name, block in (("limits.md", missed()), ("hostile-files.md", hostile())):
        page = ROOT / "docs" / name
        begin, end = "<!-- written by scripts/results_page.py -->", "<!-- end of results -->"
        wrong |= settled(page, between(page.read_text(encoding="utf-8"), begin, end, block))
    return wrong


if __name__ == "__main__":
    raise SystemExit(main())
