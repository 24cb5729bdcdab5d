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
    rows = {name: one["rows"][0]["probs"] for name, one in value["branches"].items()}
    # It names three of the seven labels and has no say on the others.
    rows["tempo"] = [p * 3 / 7 if p else 1 / 7 for p in rows["tempo"]]
    anger = sum(row[0] for row in rows.values()) / 4
    assert value["fused"]["rows"][0]["probs"][0] == pytest.approx(anger, abs=1e-5)


def test_its_own_tests_pass_and_the_page_holds_all_of_its_files(installed):
    path = os.pathsep.join(filter(None, (str(installed), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull,
         str(EXAMPLE / "tests")],
        env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
    page = (EXAMPLE.parents[1] / "docs" / "write-a-branch.md").read_text(encoding="utf-8")
    files = [p for p in EXAMPLE.rglob("*") if p.suffix in (".py", ".toml")]
    assert len(files) == 4
    assert [p.name for p in files if p.read_text(encoding="utf-8").rstrip() not in page] == []


def test_its_option_and_its_signal_are_seen(installed, demo_clip):
    code = (
        "import mien, json\n"
        "for width in (0.4, 3.0):\n"
        "    options = mien.Options(branches={'tempo': {'width': width}})\n"
        f"    a = mien.analyze({str(demo_clip)!r}, options)\n"
        "    print(max(a.by_branch['tempo'].probs[0]))\n"
        "track = a.signal('rate of speech')\n"
        "print(max(v for v in track.values if v is not None))\n"
        "print('rate of speech' in a.to_html())"
    )
    narrow, wide, rate, shown = run(installed, code).splitlines()
    assert float(narrow) > float(wide)
    assert 1 < float(rate) < 6
    assert shown == "True"


def test_without_it_there_are_three():
    from mien.branches import installed_branches

    assert list(installed_branches()) == ["text", "voice", "face"]
