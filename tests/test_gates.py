"""The gates of `make lint` and of CI find what they are for."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRIVATE = ROOT / "scripts" / "private_names.py"


def private_names(folder):
    done = subprocess.run(
        [sys.executable, str(PRIVATE), str(folder)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    "line",
    [
        "from mien.demo import _planted",
        "from mien._planted import name",
        "import mien._planted",
        "import mien.demo as demo; demo._planted(3)",
        "engine = object(); engine.model._planted",
        "monkeypatch.setattr(demo, '_planted', 3)",
        "monkeypatch.setattr('mien.demo._planted', 3)",
        "getattr(demo, '_planted')",
        "mock.patch('mien.demo._planted')",
        "patch.object(demo, '_planted')",
    ],
)
def test_a_private_name_is_found(line, tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "test_it.py").write_text(f"def test_it():\n    {line}\n")
    code, said = private_names(tmp_path)
    assert code == 1
    assert "test_it.py:2 reaches for the private name _planted" in said


@pytest.mark.parametrize(
    "line",
    ["self._own = 3", "row._replace(a=1)", "value._repr_html_()", "__import__('x')", "_helper()"],
)
def test_what_is_not_private_passes(line, tmp_path):
    (tmp_path / "test_it.py").write_text(f"{line}\n")
    assert private_names(tmp_path) == (0, "")


def test_no_test_of_ours_reaches_for_a_private_name():
    assert private_names(ROOT / "tests") == (0, "")


def test_the_hooks_and_the_linter_run_the_same_tools():
    """Every command of ``make lint`` is a pre-commit hook, and no hook needs the network."""
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    tools = set(re.findall(r"\$\(BIN\)/(\S+)", lint))
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    entries = set(re.findall(r"entry: \.venv/bin/(\S+)", hooks))
    assert {"ruff", "mypy", "lint-imports", "python"} == tools == entries
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    assert set(re.findall(r"language: (\S+)", hooks)) == {"system"}


def test_the_workflow_runs_ci_on_every_python_that_is_promised():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    (tested,) = re.findall(r"python: \[(.*)\]", workflow)
    promised = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert re.findall(r"3\.\d+", tested) == promised
    assert re.search(r"run: \.ci/run$", workflow, re.MULTILINE)


def test_onnxruntime_is_loaded_by_one_function():
    """With its telemetry switched off; import-linter holds only ``src`` to it, and no order."""
    loads = re.compile(r"^\s*(?:import|from) onnxruntime\b(?!\.quantization)")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for folder in ("src", "benchmarks", "scripts", "examples")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if loads.search(line)
    ]
    assert [one.rpartition(":")[0] for one in found] == ["src/mien/packs.py"]


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").glob("*.py")), ids=lambda p: p.stem)
def test_every_script_finds_what_it_imports(script):
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(script.parent)!r}); "
        f"runpy.run_path({str(script)!r}, run_name='imported')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_names_of_files_are_plain():
    """A test of names that writes where it runs leaves files that other systems cannot have."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = [name for name in done.stdout.decode("utf-8", "backslashreplace").split("\0") if name]
    assert len(names) > 100
    assert [name for name in names if not re.fullmatch(r"[A-Za-z0-9._/-]+", name)] == []
