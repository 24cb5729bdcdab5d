"""Under CI=true a skipped test is a failure, except where its data set or a GPU is absent."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INI = (
    "[pytest]\nmarkers =\n    data: d\n    gpu: g\n    hub: h\naddopts = --import-mode=importlib\n"
)
PLANTED = """
import pytest

def test_runs(): pass

@pytest.mark.skipif(True, reason="no Chromium is installed")
def test_browser(): pass

@pytest.mark.hub
def test_inside(): pytest.skip("no hub")

@pytest.mark.data
def test_data(): pytest.skip("no data")

@pytest.mark.gpu
def test_gpu(): pytest.skip("no GPU")

@pytest.mark.xfail
def test_known(): raise ValueError
"""
MODULE = 'import pytest\npytest.importorskip("no_such_package_anywhere")\ndef test_it(): pass\n'


def run(folder, ci, *more):
    """How many tests passed, failed, were skipped and met errors; and what was printed."""
    kept = {k: v for k, v in os.environ.items() if k not in {"CI", "PYTEST_ADDOPTS"}}
    kept = {k: v for k, v in kept.items() if not k.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rfE", "-p", "no:cacheprovider", *more, str(folder)],
        env=kept | ({"CI": ci} if ci else {}), cwd=folder, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    summary = done.stdout.splitlines()[-1]
    found = re.findall(r"(\d+) (passed|failed|skipped|xfailed|error)", summary)
    return {kind: int(number) for number, kind in found}, done.stdout


@pytest.fixture
def project(tmp_path):
    """A project of this conftest.py and planted tests, with no ../shared beside it."""
    folder = tmp_path / "room" / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "pytest.ini").write_text(INI)
    shutil.copy(HERE / "conftest.py", folder / "tests")
    (folder / "tests" / "test_planted.py").write_text(PLANTED)
    return folder


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_a_skip_fails_under_ci(project, more):
    counts, out = run(project, "true", *more)
    assert counts == {"passed": 1, "failed": 1, "error": 1, "skipped": 2, "xfailed": 1}
    assert "test_browser was skipped (Skipped: no Chromium is installed)" in out
    assert "install what the test needs" in out


def test_a_skip_is_a_skip_elsewhere(project):
    assert run(project, None)[0] == {"passed": 1, "skipped": 4, "xfailed": 1}


def test_a_data_test_may_not_skip_where_the_data_is(project):
    (project.parent / "shared" / "data").mkdir(parents=True)
    assert run(project, "true")[0]["skipped"] == 1  # the one that wants a GPU


@pytest.mark.parametrize("more", [(), ("-n", "1")], ids=["one process", "xdist"])
def test_a_skipped_module_fails_under_ci(project, more):
    (project / "tests" / "test_planted.py").write_text(MODULE)
    assert run(project, None, *more)[0] == {"skipped": 1}
    counts, out = run(project, "true", *more)
    assert counts == {"error": 1}
    assert "no_such_package_anywhere" in out
