"""What pip installs: everything that runs, and no picture that nobody reads."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "mien"
MOST = 60 * 2**20


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built by the hatchling of this environment without the network."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as file:
        return {name for name in file.namelist() if name.startswith("mien/")}


def test_every_module_asset_and_schema_is_in_the_wheel(names):
    kinds = {".py", ".js", ".css", ".html", ".json", ".onnx", ".flac", ".md", ".typed"}
    here = {
        f"mien/{path.relative_to(SOURCE).as_posix()}"
        for path in SOURCE.rglob("*")
        if path.suffix in kinds and "__pycache__" not in path.parts
    }
    assert {"mien/py.typed", "mien/report/page/assets/page.html"} <= here
    assert any("schema" in name for name in here)
    assert here - names == set()
    assert "mien/report/page/vendor/uplot/LICENSE" in names


def test_no_picture_of_a_card_is_in_the_wheel(names):
    """Those of the cards stay in the repository; the page of the service has an icon."""
    pictures = {name for name in names if name.endswith((".png", ".jpg", ".svg"))}
    assert list(SOURCE.glob("embedded/*/*.png")), "the repository keeps the pictures of the cards"
    assert pictures == {"mien/server/page/icon.svg"}


def test_every_pack_is_whole_in_the_wheel(wheel, names):
    packs = sorted(name for name in names if name.endswith("/pack.json"))
    assert [name.split("/")[2] for name in packs] == ["detector", "face", "fusion", "text", "voice"]
    with zipfile.ZipFile(wheel) as file:
        for pack in packs:
            listed = set(json.loads(file.read(pack))["files"]) | {"README.md"}
            folder = pack.removesuffix("pack.json")
            assert {folder + name for name in listed} <= names


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < MOST


@pytest.mark.slow
def test_the_wheel_alone_runs_the_demo_in_an_empty_home(wheel, tmp_path):
    """Nothing of the repository is on the path: what the demo needs lies in the wheel."""
    place, home = tmp_path / "site", tmp_path / "home"
    home.mkdir()
    with zipfile.ZipFile(wheel) as file:
        file.extractall(place)
    code = "import mien, sys; print(mien.__file__); from mien.cli import main; main()"
    env = {"PATH": "/usr/bin:/bin", "HOME": str(home), "PYTHONPATH": str(place)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "demo", "--out", str(tmp_path / "demo")],
        cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(place))
    made = {path.name for path in (tmp_path / "demo").iterdir()}
    assert made == {"demo.mp4", "analysis.json", "analysis.png", "report.html"}
