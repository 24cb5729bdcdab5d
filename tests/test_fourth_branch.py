"""A fourth branch comes in from its own package, without an edit anywhere in mien."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "mien-tempo"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The example, installed by pip into a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index",
         "--no-build-isolation", "--disable-pip-version-check", "--target", str(folder),
         str(EXAMPLE)],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return folder


def run(folder, code):
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    env = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_keeps_the_contract(installed):
    code = (
        "from mien.branches import make_branches\n"
        "from mien.testing import check_branch\n"
        "branches = make_branches(); check_branch(branches['tempo']); print(list(branches))"
    )
    assert run(installed, code) == "['text', 'voice', 'face', 'tempo']"


def test_it_stands_in_the_table_and_in_the_fusion(installed, demo_clip):
    code = (
        "import mien, json\n"
        "options = mien.Options(fusion=mien.FusionOptions(rule='mean'))\n"
        f"a = mien.analyze({str(demo_clip)!r}, options)\n"
        "print(json.dumps(a.to_dict()))"
    )
    value = json.loads(run(installed, code))
    assert value["branches"]["tempo"]["rows"][0]["reason"] is None
    rows = [branch["rows"][0]["probs"] for branch in value["branches"].values()]
    anger = sum(row[0] for row in rows) / 4
    assert value["fused"]["rows"][0]["probs"][0] == pytest.approx(anger, abs=1e-5)


def test_without_it_there_are_three():
    from mien.branches import installed_branches

    assert list(installed_branches()) == ["text", "voice", "face"]
