"""Analyse a corpus of hostile files in child processes, and tell what became of each.

    python benchmarks/hostile --short                   part of each group, under a minute
    python benchmarks/hostile --out benchmarks/results  all of them; writes hostile.md and .json
    python benchmarks/hostile --sandbox --out ...       the same in the sandbox; hostile-sandbox.md
    python benchmarks/hostile --group bombs             one group
    python benchmarks/hostile --case bombs/png-ztxt     one case, with its detail

Every case must be analysed, or refused with an error of mien that is one sentence. Anything else
is a failure: another exception, a crash, a hang (40 s of processor time), more than 1.5 GB of
memory, descriptors or temporary files left behind, a file or an address opened that is not the
given one. ``--keep DIR`` makes the failing inputs again in a folder each. ``--resume`` with the
same ``--work`` goes on with a run that was stopped.

A case is made by its name and the seed alone. The recordings are analysed as ``mien analyze`` does,
except that no words are recognised: Whisper reads samples and never the file.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
for place in (ROOT, ROOT / "src"):
    if str(place) not in sys.path:
        sys.path.insert(0, str(place))

from bombs import bombs  # noqa: E402
from case import Case, content  # noqa: E402
from controls import CONTROLS  # noqa: E402
from crew import TRACED, Worker, outside  # noqa: E402
from disguises import disguises, references  # noqa: E402
from mutants import MUTANTS, mutants, truncations  # noqa: E402
from places import LINES, changing, names, places  # noqa: E402
from result import FINE, page, summary  # noqa: E402
from seeds import seed  # noqa: E402
from sidecars import sidecars  # noqa: E402
from tests.guarded import strace  # noqa: E402

GROUPS = (
    "truncated", "mutants", "bombs", "disguises", "references", "places", "changing", "names",
    "sidecars",
)  # fmt: skip
THINNED = 3
"""In the short form every n-th case of the groups of many."""
LONG = frozenset({
    "bombs/gif-of-three-hours", "bombs/markdown-brackets", "bombs/ts-8000-programs",
    "bombs/text-of-stops", "bombs/mkv-compressed-blocks", "bombs/gif-1000-large-frames",
    "bombs/text-one-word-of-9-mb", "bombs/gif-100000-frames", "bombs/gif-stands-for-days",
    "bombs/png-long-rows", "bombs/png-at-the-limit", "bombs/jpeg-200-scans",
    "places/sparse-samples", "places/sparse-after-aac", "changing/grows-mp3",
    "changing/grows-mpegts", "changing/grows-flac", "sidecars/lyrics", "sidecars/times",
})  # fmt: skip
"""Cases of more than a second, which the short form leaves out."""


def main() -> int:
    """Run what the arguments say; 1 if a case failed."""
    args = _arguments()
    work = Path(args.work or tempfile.mkdtemp(prefix="mien-hostile-")).resolve()
    try:
        return _run(args, work)
    finally:
        if args.work is None:
            shutil.rmtree(work, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="a part of each group")
    parser.add_argument("--group", action="append", choices=GROUPS, help="only these groups")
    parser.add_argument("--case", action="append", help="only these cases (group/name)")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--mutants", type=int, default=MUTANTS)
    parser.add_argument("--out", type=Path, help="folder for hostile.md and hostile.json")
    parser.add_argument("--keep", type=Path, help="folder for the failing inputs")
    parser.add_argument("--work", type=Path, help="folder of the run, kept")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --work")
    parser.add_argument("--sandbox", action="store_true", help="decode in mien's own sandbox")
    return parser.parse_args()


def corpus(args: argparse.Namespace, address: str, secrets: Path) -> Iterator[Case]:
    """The cases that the arguments ask for, in order."""
    makers: dict[str, Callable[[], Iterator[Case]]] = {
        "truncated": truncations,
        "mutants": lambda: mutants(args.seed, args.mutants),
        "bombs": bombs,
        "disguises": lambda: disguises(address, secrets),
        "references": lambda: references(address, secrets),
        "places": lambda: places(secrets),
        "changing": changing,
        "names": names,
        "sidecars": lambda: sidecars(args.seed, secrets),
    }
    asked = args.group or ([one.partition("/")[0] for one in args.case] if args.case else GROUPS)
    for group in GROUPS:
        if group in asked:
            for number, case in enumerate(makers[group]()):
                thin = group in {"disguises", "names"} and number % THINNED
                if args.case and case.id not in args.case:
                    continue
                if not args.short or (case.short and not thin and case.id not in LONG):
                    yield case


def _run(args: argparse.Namespace, work: Path) -> int:
    prepare(work)
    log = work / "hostile.jsonl"
    done = _done(log) if args.resume else {}
    if not args.resume:
        for old in (log, *work.glob("trace-*.log")):
            old.unlink(missing_ok=True)
    for old in work.glob("controls-*.log"):
        old.unlink()
    blind = unseen(work)
    if blind:
        print(f"The run does not see: {', '.join(blind)}.")
        return 1
    with server() as (address, calls):
        cases = list(corpus(args, address, work / "secrets"))
        found = _analysed(cases, done, work, log, args.sandbox)
        if calls:
            found["run/addresses"] = {"outcome": "outside read", "detail": f"{len(calls)} calls"}
    failed = {name: row for name, row in found.items() if row["outcome"] not in FINE}
    print(summary(found))
    for name, row in sorted(failed.items()):
        print(f"FAILED {name}: {row['outcome']}: {row['detail'][:700]}")
    if args.case:
        print(json.dumps(found, indent=1))
    if args.keep is not None:
        _keep([case for case in cases if case.id in failed], args.keep)
    if args.out is not None:
        facts = {"seed": args.seed, "form": "short" if args.short else "long",
                 "strace": strace() is not None, "sandbox": args.sandbox}  # fmt: skip
        page(found, facts, args.out)
    return int(bool(failed))


def prepare(work: Path) -> None:
    """The folders of a run: an empty one to run in, secrets that nothing may read, first files."""
    for name in ("empty", "secrets"):
        (work / name).mkdir(parents=True, exist_ok=True)
    shutil.rmtree(work / "cases", ignore_errors=True)
    (work / "cases").mkdir()
    for name, kind in (("secret.ts", "mpegts"), ("secret.mov", "mov")):
        (work / "secrets" / name).write_bytes(seed(kind))
    (work / "secrets" / "secret.srt").write_bytes(LINES)
    (work / "warm.mp4").write_bytes(seed("mp4"))
    (work / "warm.png").write_bytes(seed("png"))
    (work / "warm.txt").write_bytes(b"I am so glad.")


def unseen(work: Path) -> list[str]:
    """The faults committed on purpose that are not seen as what they are."""
    tracing = strace() is not None
    cases = [
        Case("controls", name, content("a.txt", b"I am so glad."), control=name)
        for name, (_, _, traced) in CONTROLS.items()
        if tracing or not traced
    ]
    found = _analysed(cases, {}, work, work / "controls.jsonl", False, controls=True)
    return [case.name for case in cases if found[case.id]["outcome"] != CONTROLS[case.name][1]]


@contextmanager
def server() -> Iterator[tuple[str, list[object]]]:
    """An address, and the calls that came."""
    calls: list[object] = []

    def listen(open_for: socket.socket) -> None:
        while True:
            try:
                caller, _ = open_for.accept()
            except OSError:
                return
            calls.append(caller.getpeername())
            caller.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=listen, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/secret.ts", calls
        listening.shutdown(socket.SHUT_RDWR)


def _done(log: Path) -> dict[str, dict[str, Any]]:
    if not log.exists():
        return {}
    rows = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return {row["id"]: row for row in rows}


def _analysed(
    cases: list[Case],
    done: dict[str, dict[str, Any]],
    work: Path,
    log: Path,
    sandbox: bool,
    controls: bool = False,
) -> dict[str, dict[str, Any]]:
    """The outcome of every case by its name."""
    plain, traced = Worker(work, sandbox=sandbox), Worker(work, strace() is not None, sandbox)
    traced.logs = "controls" if controls else "trace"
    found: dict[str, dict[str, Any]] = {}
    told = time.monotonic()
    try:
        with log.open("a") as lines:
            for number, case in enumerate(cases):
                row = done.get(case.id)
                if row is None:
                    worker = traced if controls or case.group in TRACED else plain
                    row = {
                        "id": case.id,
                        **_one(case, worker, work / "cases" / str(number), number),
                    }
                    if worker.trace and row["outcome"] != "not made":
                        row["given"] = worker.given(number)
                    lines.write(json.dumps(row) + "\n")
                    lines.flush()
                found[case.id] = row
                if not controls and (time.monotonic() - told > 5 or number == len(cases) - 1):
                    told = time.monotonic()
                    failures = sum(row["outcome"] not in FINE for row in found.values())
                    print(f"{number + 1}/{len(cases)} {case.id}: {failures} failures", flush=True)
    finally:
        plain.end()
        traced.end()
    for name, what in outside(work, found, traced.logs):
        row = found[name]
        if row["outcome"] in FINE or row["detail"].startswith("traced: "):
            before = row["detail"] if row["outcome"] == "outside read" else "traced: "
            found[name] = row | {
                "outcome": "outside read",
                "detail": f"{before} {what}",
            }
    return found


def _one(case: Case, worker: Worker, folder: Path, number: int) -> dict[str, Any]:
    folder.mkdir()
    try:
        path = case.make(folder)
    except OSError as error:  # a name that this file system does not take
        return {"outcome": "not made", "detail": str(error), "seconds": 0.0}
    try:
        return worker.run(case, path, folder, number)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep(cases: list[Case], keep: Path) -> None:
    for case in cases:
        folder = keep / case.id.replace("/", "-")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        print(f"kept {case.make(folder)}")


if __name__ == "__main__":
    sys.exit(main())
