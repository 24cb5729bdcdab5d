"""The corpus of hostile files: its short form, and what it is made of."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORPUS = ROOT / "benchmarks" / "hostile"
GROUPS = {
    "truncated", "mutants", "bombs", "disguises", "references", "places", "changing", "names",
    "sidecars",
}  # fmt: skip


@pytest.fixture
def module(monkeypatch):
    """A module of the corpus by its name; its folder is on the path as when it runs."""
    monkeypatch.syspath_prepend(str(CORPUS))

    def load(name):
        spec = importlib.util.spec_from_file_location(f"corpus_{name}", CORPUS / f"{name}.py")
        made = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = made
        spec.loader.exec_module(made)
        return made

    return load


@pytest.mark.slow
def test_the_short_form_finds_nothing(tmp_path):
    """It first commits every fault on purpose and ends with 1 if one of them is not seen."""
    words = [sys.executable, str(CORPUS), "--short", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    found = json.loads((tmp_path / "hostile.json").read_text())
    assert found["failures"] == {}
    assert set(found["counts"]) == GROUPS
    assert found["cases"] > 700
    assert found["counts"]["mutants"]["analysed"] > 50
    assert found["counts"]["disguises"]["refused"] > 50
    assert "| **all** |" in (tmp_path / "hostile.md").read_text()


def test_a_mutant_is_made_by_its_number_and_the_seed_alone(module):
    made = module("mutants")
    names = ("wav", "mp4", "png")
    once = [made.mutant(20, number, name) for number, name in enumerate(names)]
    assert once == [made.mutant(20, number, name) for number, name in enumerate(names)]
    assert once != [made.mutant(21, number, name) for number, name in enumerate(names)]
    assert all(one != made.seeds()[name][1] for one, name in zip(once, names, strict=True))


def test_the_corpus_has_what_was_asked_for(module):
    made = module("mutants")
    assert len(made.seeds()) >= 30
    assert made.MUTANTS >= 5000
    cut = list(made.truncations())
    assert len(cut) == 200 * len(made.MAIN)
    assert len({case.id for case in cut}) == len(cut)


def test_the_trace_tells_what_a_case_opened(module, tmp_path):
    opened = module("opened")
    given = {"path": "/c/a.mp4", "folder": "/c", "beside": ["a.srt"], "temporary": "/t"}
    (tmp_path / "log").write_text(
        '12 openat(AT_FDCWD, "/etc/shadow", O_RDONLY) = 3\n'
        '12 openat(AT_FDCWD, "/hostile-begin/7", O_RDONLY) = -1 ENOENT (No such file)\n'
        '12 openat(AT_FDCWD, "/c/a.mp4", O_RDONLY) = 3\n'
        '13 openat(AT_FDCWD, "/c/a.srt", O_RDONLY <unfinished ...>\n'
        '13 open("/t/x", O_RDWR) = 4\n'
        '13 openat(AT_FDCWD, "/c/other.ts", O_RDONLY) = 4\n'
        '13 openat(AT_FDCWD, "/c/n\\303\\244me \\"q\\"", O_RDONLY) = -1 ENOENT (No such file)\n'
        "12 connect(3, {sa_family=AF_INET, sin_port=htons(80)}, 16) = -1\n"
        '12 openat(AT_FDCWD, "/hostile-end/7", O_RDONLY) = -1 ENOENT (No such file)\n'
        '12 openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3\n'
    )
    found = list(opened.traced(tmp_path / "log", {7: given}))
    assert [number for number, _ in found] == [7, 7, 7]
    assert "/c/other.ts" in found[0][1]
    assert '/c/n\u00e4me "q"' in found[1][1]
    assert found[2][1].startswith("connect(")


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_and_repeats_nothing(tmp_path):
    words = [sys.executable, str(CORPUS), "--work", str(tmp_path), "--group", "references"]
    words += ["--short", "--keep", str(tmp_path / "kept")]
    subprocess.run(words, capture_output=True, check=True, timeout=300)
    log = tmp_path / "hostile.jsonl"
    rows = log.read_text().splitlines(keepends=True)
    log.write_text("".join(rows[:20]))
    done = subprocess.run(
        [*words, "--resume"], capture_output=True, text=True, check=True, timeout=300
    )
    again = log.read_text().splitlines(keepends=True)
    assert again[:20] == rows[:20]
    assert [json.loads(row)["id"] for row in again] == [json.loads(row)["id"] for row in rows]
    assert f"{len(rows)}/{len(rows)}" in done.stdout


@pytest.mark.slow
def test_a_case_is_run_alone_and_its_detail_told(tmp_path):
    words = [sys.executable, str(CORPUS), "--case", "bombs/gif-mark-alone"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    assert '"outcome": "refused"' in done.stdout
    assert "damaged gif picture" in done.stdout
