"""The plug-in is tested from its sources; commands run with its entry points beside it."""

import importlib.util
import os
import subprocess
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))


def package_folder(name):
    """Where a package lies; it is not imported."""
    return Path(importlib.util.find_spec(name).origin).parent


@pytest.fixture(scope="session")
def heartpy():
    """HeartPy, whose import needs a module that setuptools no longer has."""
    old = types.ModuleType("pkg_resources")
    old.resource_filename = lambda package, file: str(package_folder(package) / file)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        if "pkg_resources" not in sys.modules:
            patch.setitem(sys.modules, "pkg_resources", old)
        warnings.simplefilter("ignore")
        return pytest.importorskip("heartpy")


@pytest.fixture(scope="session")
def neurokit2():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("neurokit2")


@pytest.fixture(scope="session")
def recordings():
    """Real pulse waves that HeartPy ships: file, column and samples a second of each."""
    folder = package_folder("heartpy") / "data"
    found = {}
    for name, column, rate in (("data", 0, 100.0), ("data2", 1, 116.99), ("data3", 1, 100.42)):
        lines = (folder / f"{name}.csv").read_text().splitlines()[1 if column else 0 :]
        samples = np.array([float(line.split(",")[column]) for line in lines if line.strip()])
        found[name] = folder / f"{name}.csv", rate, samples
    return found


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    """Environment of a process in which the plug-in is installed by pip, from its sources."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", "--disable-pip-version-check", "--target", str(folder), str(ROOT)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", ""))))
    return os.environ | {"PYTHONPATH": path, "COLUMNS": "200", "SITE": str(folder)}


@pytest.fixture(scope="session")
def demo_clip(tmp_path_factory):
    """The clip of ``mien demo``, about 5.5 s."""
    from mien.demo import make_clip

    path = tmp_path_factory.mktemp("demo") / "demo.mp4"
    make_clip(path)
    return path
