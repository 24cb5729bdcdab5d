"""Fuzz our own parsers, led by coverage (atheris, libFuzzer).

    python scripts/fuzz.py cues --seconds 120        one target
    python scripts/fuzz.py all --seconds 60          each in turn
    python scripts/fuzz.py cues --input FILE         one input again

Needs the extra ``fuzz`` (``pip install 'mien[fuzz]'``; atheris has wheels for Linux). The targets
are in ``tests/fuzz_targets.py``, their seeds in ``tests/fuzz_seeds.py``; without atheris the tests
run the same targets under Hypothesis. Each kind of failure is told once, by the place in the code
where it arose, and its shortest input so far is kept in ``--keep``; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import traceback
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
LONGEST = 8192
"""Bytes of an input, at most."""
MOST_WORDS = 400
"""Pieces of the seeds that libFuzzer puts into inputs."""
HANG = 120
"""Seconds after which libFuzzer takes one input for a hang and ends."""


def main() -> int:
    """Run what the arguments say."""
    args = _arguments()
    if args.input is not None:
        from tests.fuzz_targets import probe

        probe(args.target, args.input.read_bytes())
        return 0
    if args.target != "all":
        return _one(args)
    from tests.fuzz_targets import TARGETS

    failed = False
    for name in TARGETS:
        words = [sys.executable, __file__, name, *_passed_on(args)]
        failed |= subprocess.run(words, check=False).returncode != 0
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("target", help="the name of a target, or all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="failing inputs")
    parser.add_argument("--corpus", type=Path, help="a folder with inputs of an earlier run")
    parser.add_argument("--result", type=Path, help="a JSON file to which the figures are added")
    parser.add_argument("--input", type=Path, help="run the target on this file alone")
    return parser.parse_args()


def _passed_on(args: argparse.Namespace) -> list[str]:
    words = ["--seconds", str(args.seconds), "--seed", str(args.seed), "--keep", str(args.keep)]
    if args.corpus is not None:
        words += ["--corpus", str(args.corpus)]
    return words + (["--result", str(args.result)] if args.result is not None else [])


def _one(args: argparse.Namespace) -> int:
    """Fuzz one target in a process of its own, since libFuzzer ends its process."""
    corpus = args.corpus / args.target if args.corpus else Path(tempfile.mkdtemp())
    corpus.mkdir(parents=True, exist_ok=True)
    args.keep.mkdir(parents=True, exist_ok=True)
    flags = [
        f"-max_total_time={args.seconds}", f"-seed={args.seed}", f"-max_len={LONGEST}",
        f"-timeout={HANG}", "-rss_limit_mb=3000", "-print_final_stats=1", "-verbosity=1",
        f"-artifact_prefix={args.keep}/{args.target}-",
    ]  # fmt: skip
    code = f"import runpy; runpy.run_path({__file__!r})['fuzz'](*{[args.target, str(args.keep)]})"
    done = subprocess.run(
        [sys.executable, "-c", code, *flags, str(corpus)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
    )  # fmt: skip
    runs = re.search(r"number_of_executed_units:\s*(\d+)", done.stdout)
    found = re.findall(r"^failure: .*", done.stdout, re.MULTILINE)
    if runs is None or done.returncode:
        found.append(f"failure: libFuzzer ended with {done.returncode}:\n{done.stdout[-3000:]}")
    executions = int(runs[1]) if runs else 0
    print(f"{args.target}: {executions} executions, {len(found)} kinds of failures", flush=True)
    for line in found:
        print(line)
    if args.result is not None:
        _add(args.result, args.target, executions, len(found), args.seconds)
    return int(bool(found))


def _add(path: Path, target: str, executions: int, failures: int, seconds: int) -> None:
    known = json.loads(path.read_text()) if path.exists() else {}
    known[target] = {"executions": executions, "failures": failures, "seconds": seconds}
    path.write_text(json.dumps(known, indent=1) + "\n")


def fuzz(target: str, keep: str) -> None:
    """Fuzz a target in this process, whose arguments are libFuzzer's; does not come back."""
    try:
        import atheris
    except ImportError:
        sys.exit("Fuzzing needs the extra 'fuzz': pip install 'mien[fuzz]' (Linux).")
    with atheris.instrument_imports(include=["mien", "pysubs2", "pympi"]):
        from tests import fuzz_targets
    from tests.fuzz_seeds import seeds

    corpus = Path(sys.argv[-1])
    for seed in seeds(target):
        (corpus / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    words = fuzz_targets.tokens(target)[:MOST_WORDS]
    dictionary = Path(keep) / f"{target}.dict"
    dictionary.write_text("".join(f'"{_quoted(word)}"\n' for word in words))
    sys.argv.insert(1, f"-dict={dictionary}")
    shortest: dict[str, int] = {}

    def once(data: bytes) -> None:
        try:
            fuzz_targets.probe(target, data)
        except Exception as error:
            _note(target, data, error, shortest, Path(keep))

    atheris.Setup(sys.argv, once)
    started = time.monotonic()
    print(f"{target}: started at {started:.0f}", flush=True)
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(chr(b) if b < 128 and chr(b).isalnum() else f"\\x{b:02x}" for b in word)


def _note(target: str, data: bytes, error: Exception, shortest: dict[str, int], keep: Path) -> None:
    """Tell a failure the first time that it arises in a place, and keep its shortest input."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [one for one in frames if "/mien/" in one.filename] or list(frames)
    place = f"{type(error).__name__} at {Path(own[-1].filename).name}:{own[-1].lineno}"
    if place not in shortest:
        print(f"failure: {target}: {place}: {str(error)[:200]!r}", flush=True)
    if len(data) < shortest.get(place, sys.maxsize):
        shortest[place] = len(data)
        (keep / f"{target}-{re.sub('[^A-Za-z0-9]+', '-', place)}").write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
