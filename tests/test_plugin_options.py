"""A package adds options of its own: help, checks, and what becomes of a faulty one."""

import json
import os
import subprocess
import sys

import pytest

from mien.errors import ContractError
from mien.options import plugin_groups

BRANCH = """
from mien.analysis.evidence import Evidence
from mien.analysis.signals import SignalTrack
from mien.branches import BranchSpec
from mien.emotions import MIEN7, LabelMap

class Branch:
    def __init__(self, options):
        from plugged_options import Options
        self.options = Options(**options)

    @property
    def spec(self):
        return BranchSpec("plugged", (), LabelMap.by_name(MIEN7), {}, frame_rate=2.0)

    def judge(self, scene, segments):
        return Evidence.absent("plugged", segments, f"level {self.options.level}")

    def signals(self, scene):
        note = (f"level {self.options.level}",)
        return [SignalTrack.of("level", "", [0.5], [self.options.level], [1], branch="plugged",
                               notes=note)]
"""
OPTIONS = """
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from mien.errors import OptionError
from mien.options import Group, option

@dataclass(frozen=True)
class Options(Group):
    group: ClassVar[str] = "plugged"
    level: float = option(1.0, "--level", "How much of it.", "AMOUNT")
    file: Path | str | None = option(None, "--level-file", "Where it is.")
    loud: bool = option(False, "--loud", "Whether it is loud.")

    def __post_init__(self):
        self._file("file")
        if not self._number("level", "give a number above 0") > 0:
            raise self._refuse("level", "give a number above 0")

    def read_with(self, recording):
        return () if self.file is None else (Path(self.file),)

    def check_several(self):
        if self.file is not None:
            raise OptionError("--level-file is of one recording.")
"""


@pytest.fixture
def package(tmp_path):
    """A package with a branch and options, as if it were installed."""

    def make(options=OPTIONS, value="plugged_options:Options"):
        (tmp_path / "plugged.py").write_text(BRANCH)
        (tmp_path / "plugged_options.py").write_text(options)
        info = tmp_path / "plugged-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugged\nVersion: 1.0\n")
        points = f"[mien.branches]\nplugged = plugged:Branch\n[mien.options]\nplugged = {value}\n"
        (info / "entry_points.txt").write_text(points)
        return tmp_path

    return make


def mien(folder, *words, code=None):
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    env = os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}
    command = ["-m", "mien", *map(str, words)] if code is None else ["-c", code]
    return subprocess.run(
        [sys.executable, *command], env=env, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("command", ["analyze", "batch"])
def test_its_options_are_in_the_help_with_type_and_default(package, command):
    said = mien(package(), command, "--help").stdout
    assert "Branch plugged (plug-in)" in said
    assert "--level" in said
    assert "AMOUNT" in said
    assert "[default: 1.0]" in said
    assert "--no-loud" in said


def test_they_reach_the_branch_and_the_json(package, tmp_path):
    folder = package()
    note = tmp_path / "note.txt"
    note.write_text("I am so happy.")
    out = tmp_path / "out.json"
    done = mien(folder, "analyze", note, "--level", "2.5", "--loud", "--json", out)
    assert done.returncode == 0, done.stderr
    value = json.loads(out.read_text())
    assert value["branches"]["plugged"]["rows"][0]["reason"] == "level 2.5"
    assert value["provenance"]["options"]["branches"] == {"plugged": {"level": 2.5, "loud": True}}
    assert value["signals"][0]["values"] == [2.5]
    assert "level 2.5" in value["provenance"]["warnings"]
    # A branch that judged nothing does not enter the fusion, calibrated or not.
    assert not any("uncalibrated" in line for line in value["provenance"]["warnings"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--level", "-1"), "plugged.level (--level) cannot be -1.0; give a number above 0."),
        (("--level", "much"), "Invalid value for '--level'"),
        (("--no-such",), "No such option"),
    ],
)
def test_a_wrong_value_is_one_sentence_and_names_the_option(package, tmp_path, words, says):
    (tmp_path / "note.txt").write_text("I am so happy.")
    done = mien(package(), "analyze", tmp_path / "note.txt", *words)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.replace("│", " ").split())


def test_what_is_of_one_recording_is_refused_for_several(package, tmp_path):
    folder = package()
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("I am so happy.")
    notes = [tmp_path / "a.txt", tmp_path / "b.txt"]
    one = mien(folder, "analyze", notes[0], "--level-file", "x.csv")
    assert one.returncode == 0, one.stderr
    for command in (("analyze",), ("batch", "--out", tmp_path / "out")):
        done = mien(folder, *command, *notes, "--level-file", "x.csv")
        assert done.returncode == 2
        assert "--level-file is of one recording." in done.stderr


def test_in_python_they_are_checked_and_defaults_are_left_out(package):
    code = (
        "import mien\n"
        "o = mien.Options(branches={'plugged': {'level': 1.0, 'loud': True}})\n"
        "assert o == mien.Options.from_dict(o.to_dict())\n"
        "assert o.to_dict()['branches'] == {'plugged': {'loud': True}}\n"
        "assert o == mien.Options(branches={'plugged': {'loud': True}})\n"
        "for wrong in ({'levl': 2}, {'level': 0}, {'level': True}):\n"
        "    try: mien.Options(branches={'plugged': wrong})\n"
        "    except mien.errors.OptionError as error: print(error)\n"
    )
    done = mien(package(), code=code)
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == "There is no option 'plugged.levl'; 'plugged' has: file, level, loud."
    assert "plugged.level (--level) cannot be 0.0" in second
    assert "cannot be True" in third


@pytest.mark.parametrize(
    ("options", "value", "says"),
    [
        ("import no_such_module", "plugged_options:Options", "cannot be loaded (ModuleNotFound"),
        ("Options = 3", "plugged_options:Options", "must be a dataclass of mien.options.Group"),
        (OPTIONS.replace('option(1.0, "--level", "How much of it.", "AMOUNT")', "1.0"),
         "plugged_options:Options", "a field 'level' that option() did not make"),
        (OPTIONS, "plugged_options:Nothing", "cannot be loaded (AttributeError"),
    ],
)  # fmt: skip
def test_a_faulty_package_is_named(package, monkeypatch, options, value, says):
    monkeypatch.syspath_prepend(package(options, value))
    monkeypatch.delitem(sys.modules, "plugged_options", raising=False)
    plugin_groups.cache_clear()
    try:
        with pytest.raises(ContractError, match="'plugged'.*from the package plugged") as caught:
            plugin_groups()
        assert says in str(caught.value)
    finally:
        plugin_groups.cache_clear()
        sys.modules.pop("plugged_options", None)


def test_with_a_faulty_package_the_help_is_shown_and_an_analysis_says_why(package, tmp_path):
    (tmp_path / "note.txt").write_text("I am so happy.")
    folder = package("import no_such_module")
    assert mien(folder, "--help").returncode == 0
    done = mien(folder, "analyze", tmp_path / "note.txt")
    assert done.returncode == 2
    assert "cannot be loaded (ModuleNotFound" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_flag_that_is_taken_is_refused(package, tmp_path):
    (tmp_path / "note.txt").write_text("I am so happy.")
    folder = package(OPTIONS.replace('"--level-file"', '"--words"'))
    done = mien(folder, "analyze", tmp_path / "note.txt")
    assert done.returncode == 2
    assert "declares --words, which is taken" in done.stderr
