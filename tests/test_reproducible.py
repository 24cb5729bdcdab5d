"""The same sources give the same wheel and sdist, wherever and whenever they are built."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import mien

ROOT = Path(__file__).resolve().parents[1]
EPOCH = "1700000000"


def tracked():
    """The files of the checkout, and those that would be added to it."""
    done = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    return [name for name in os.fsdecode(done.stdout).split("\0") if name]


def copied(target, names, private=False):
    """A copy of the sources; a private one is as another person's machine would have it."""
    for name in names:
        if (ROOT / name).is_file():
            path = target / name
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, path)
            if private:
                path.chmod(0o600)
                os.utime(path, (981_173_106, 981_173_106))
    if private:
        for stray in ("src/mien/__pycache__/x.cpython-311.pyc", "src/mien/.mypy_cache/a.json",
                      "tests/__pycache__/y.pyc", "build/old.txt", "dist/old.whl"):  # fmt: skip
            (target / stray).parent.mkdir(parents=True, exist_ok=True)
            (target / stray).write_bytes(b"left behind")
    return target


def built(source, out, umask=0o022, **more):
    run = "import runpy; runpy.run_module('build', run_name='__main__')"
    code = f"import os; os.umask({umask}); {run}"
    env = {**os.environ, "SOURCE_DATE_EPOCH": EPOCH, **more}
    done = subprocess.run(
        [sys.executable, "-c", code, "--no-isolation", "--outdir", str(out), str(source)],
        cwd=out.parent, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.name: path for path in sorted(out.iterdir())}


@pytest.fixture(scope="module")
def twice(tmp_path_factory):
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout of git")
    folder, names = tmp_path_factory.mktemp("twice"), tracked()
    one = copied(folder / "a", names)
    other = copied(folder / "another place" / "with a longer name", reversed(names), private=True)
    away = {"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "7", "HOME": str(folder)}
    return built(one, folder / "one"), built(other, folder / "other", 0o077, **away)


@pytest.mark.slow
def test_two_builds_are_the_same_byte_for_byte(twice):
    one, other = twice
    assert sorted(one) == [
        f"mien-{mien.__version__}-py3-none-any.whl",
        f"mien-{mien.__version__}.tar.gz",
    ]
    for name in one:
        digests = {hashlib.sha256(build[name].read_bytes()).hexdigest() for build in twice}
        assert len(digests) == 1, f"{name} differs from build to build"
    assert list(one) == list(other)


@pytest.mark.slow
def test_the_sdist_has_what_builds_and_tests_mien_and_nothing_left_behind(twice):
    (path,) = (path for name, path in twice[1].items() if name.endswith(".tar.gz"))
    with tarfile.open(path) as file:
        members = {m.name.partition("/")[2]: m for m in file.getmembers()}
    names = set(members)
    assert {
        "pyproject.toml", "Makefile", "constraints.txt", "LICENSE", "NOTICE", "README.md",
        "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "src/mien/py.typed",
        "tests/test_reproducible.py", "docs/architecture.md", "scripts/sbom.py", ".ci/run",
    } <= names  # fmt: skip
    wrong = [
        n
        for n in names
        if any(part in n for part in ("__pycache__", ".pyc", "_cache/", "dist/", ".git/"))
    ]
    assert wrong == []
    assert not any(name.startswith(("build/", "demo/", ".venv")) for name in names)
    here = {name for name in tracked() if name.startswith(("src/", "tests/", "scripts/"))}
    assert {name for name in here if (ROOT / name).is_file()} <= names
    assert {m.uid for m in members.values()} == {0}
    assert {m.mtime for m in members.values()} == {int(EPOCH)}


ALLOWED = {
    ".py",
    ".svg",
    ".typed",
    ".json",
    ".onnx",
    ".md",
    ".flac",
    ".js",
    ".css",
    ".html",
    ".txt",
    ".woff2",
}


@pytest.mark.slow
def test_the_wheel_has_the_package_its_packs_and_its_licences_alone(twice):
    (path,) = (path for name, path in twice[1].items() if name.endswith(".whl"))
    with zipfile.ZipFile(path) as file:
        infos = file.infolist()
    meta = f"mien-{mien.__version__}.dist-info/"
    names = {info.filename for info in infos}
    assert {name.partition("/")[0] for name in names} == {"mien", meta.rstrip("/")}
    inside = {Path(name).suffix for name in names if name.startswith("mien/")}
    assert inside - {""} <= ALLOWED
    assert {Path(name).name for name in names if not Path(name).suffix} <= {
        "METADATA", "WHEEL", "RECORD", "LICENSE", "NOTICE",
    }  # fmt: skip
    licences = {name.removeprefix(f"{meta}licenses/") for name in names if "/licenses/" in name}
    assert {"LICENSE", "NOTICE"} <= licences
    assert any("uplot" in name for name in licences)
    assert not any(part in name for name in names for part in ("test_", "__pycache__", "/."))
    assert {info.external_attr >> 16 & 0o777 for info in infos} <= {0o644, 0o664}
