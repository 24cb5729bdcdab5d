"""What a release rests on: one version, a changelog in form, licences and bills of materials."""

import json
import re
from importlib.metadata import PathDistribution
from pathlib import Path

import licences_page as licences
import pytest
import release
import sbom

ROOT = Path(__file__).resolve().parents[1]
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


# --- versions --------------------------------------------------------------------------------


def test_the_changelog_keeps_its_form():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    titles = re.findall(r"^## (.+)$", text, flags=re.M)
    assert re.fullmatch(r"\[Unreleased\] \(\d+\.\d+\.\d+\)", titles[0])
    dated = [
        re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", title) for title in titles[1:]
    ]
    assert all(dated)
    versions = [tuple(map(int, one[1].split("."))) for one in dated]
    assert versions == sorted(versions, reverse=True)
    assert [one[2] for one in dated] == sorted((one[2] for one in dated), reverse=True)
    assert set(re.findall(r"^### (.+)$", text, flags=re.M)) <= KINDS


@pytest.fixture
def repository(tmp_path):
    for name in ("src/mien/__init__.py", "CITATION.cff", "CHANGELOG.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_one_command_puts_a_version_into_the_three_files(repository):
    release.release(repository, "7.1.0", "7.2.0", "2031-02-03")
    assert '\n__version__ = "7.1.0"\n' in (repository / "src/mien/__init__.py").read_text()
    assert (
        "\nversion: 7.1.0\ndate-released: 2031-02-03\n" in (repository / "CITATION.cff").read_text()
    )
    text = (repository / "CHANGELOG.md").read_text()
    assert "\n## [Unreleased] (7.2.0)\n\n## [7.1.0] - 2031-02-03\n" in text
    before = (ROOT / "CHANGELOG.md").read_text()
    assert len(text) == len(before) + len("\n\n## [7.1.0] - 2031-02-03")
    release.release(repository, "7.2.0", "8.0.0", "2031-03-04")
    assert (
        "## [Unreleased] (8.0.0)\n\n## [7.2.0] - 2031-03-04\n\n## [7.1.0]"
        in (repository / "CHANGELOG.md").read_text()
    )


def test_a_file_that_is_not_as_expected_stops_the_release_before_anything_is_written(repository):
    (repository / "CHANGELOG.md").write_text("# Changelog\n")
    before = (repository / "CITATION.cff").read_text()
    with pytest.raises(SystemExit, match="CHANGELOG.md"):
        release.release(repository, "7.1.0", "7.2.0", "2031-02-03")
    assert (repository / "CITATION.cff").read_text() == before
    with pytest.raises(SystemExit, match="'7.1' is no version"):
        release.release(repository, "7.1", "7.2.0", "2031-02-03")


# --- licences --------------------------------------------------------------------------------


def dist(folder, name, metadata="", requires=(), files=()):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    rows = [f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0", *metadata.splitlines()]
    rows += [f"Requires-Dist: {one}" for one in requires]
    (info / "METADATA").write_text("\n".join(rows) + "\n")
    (info / "RECORD").write_text("".join(f"{one},,\n" for one in files))
    for one in files:  # from Python 3.12 on, what is not there is not listed
        (folder / one).parent.mkdir(parents=True, exist_ok=True)
        (folder / one).touch()
    return PathDistribution(info)


@pytest.mark.parametrize(
    ("metadata", "licence", "degree"),
    [
        ("License-Expression: MIT OR GPL-3.0-only", "MIT OR GPL-3.0-only", ""),
        ("License-Expression: GPL-2.0 OR LGPL-3.0", "GPL-2.0 OR LGPL-3.0", "weak"),
        ("License-Expression: MIT AND AGPL-3.0-or-later", "MIT AND AGPL-3.0-or-later", "strong"),
        ("License-Expression: LGPL-2.1-or-later", "LGPL-2.1-or-later", "weak"),
        ("Classifier: License :: OSI Approved :: MIT License", "MIT", ""),
        ("Classifier: License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)",
         "MPL-2.0", "weak"),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)\n"
         "License: whatever", "GPL-3.0", "strong"),
        ("Classifier: License :: OSI Approved\nLicense: BSD-3-Clause", "BSD-3-Clause", ""),
        ("License: UNKNOWN", "not stated", ""),
        ("License: " + "x" * 500, "not stated", ""),
        ("", "not stated", ""),
    ],
)  # fmt: skip
def test_the_licence_of_a_package_is_what_its_metadata_states(metadata, licence, degree, tmp_path):
    found = licences.licence_of(dist(tmp_path, "one", metadata))
    assert found == licence
    assert licences.copyleft(found) == degree


def test_what_an_extra_brings_is_followed_through_markers_and_extras(tmp_path, monkeypatch):
    rows = {
        "a": ['b>=1', 'w; sys_platform == "win32"', 'c; extra == "more"'], "b": [], "c": ["d[x]"],
        "d": ['e; extra == "x"', "a"], "e": [],
    }  # fmt: skip
    made = {name: dist(tmp_path, name, requires=needs) for name, needs in rows.items()}
    monkeypatch.setattr(licences, "distribution", made.__getitem__)
    stated = {"core": ["a"], "more": ["mien[core]", "A[more]"], "old": ['b; python_version < "3"']}
    assert list(licences.closure("core", stated)) == ["a", "b"]
    more = licences.closure("more", stated)
    assert list(more) == ["a", "b", "c", "d", "e"]
    assert more["d"].needs == {"a", "e"}
    assert licences.closure("old", stated) == {}


def test_copyleft_libraries_inside_a_wheel_are_named(tmp_path):
    files = ["av.libs/libx264-d65.so.165", "av.libs/libdav1d-f4.so.7", "av/libx264.py"]  # fmt: skip
    found = licences.carried(licences.Part(dist(tmp_path, "av", files=files)))
    assert list(found) == ["libx264"]


def test_every_extra_has_its_table_and_every_package_a_licence():
    page = licences.PAGE.read_text(encoding="utf-8")
    extras = [name for name in licences.requirements() if name != "core"]
    assert re.findall(r"^## Extra `(.+?)`", page, flags=re.M) == extras, (
        "run python scripts/licences_page.py"
    )
    core, _, rest = page.partition("## Extra")
    assert "strong" not in re.findall(r"\| (strong|weak|) \|", core)
    assert "not stated" not in core
    for row in re.findall(r"^\| ([\w.-]+) \| not stated \|", rest, flags=re.M):
        pytest.fail(f"{row} states no licence; add what its LICENSE says to STATED")


# --- bills of materials ----------------------------------------------------------------------


@pytest.mark.slow
def test_the_bill_of_the_core_fits_the_schema_and_is_the_same_twice(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    first, second = sbom.bill("core"), sbom.bill("core")
    assert first == second
    sbom.check(json.dumps(first))
    assert first["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"
    refs = {one["bom-ref"] for one in first["components"]}
    assert any(ref.startswith("pkg:pypi/onnxruntime@") for ref in refs)
    wanted = {ref for one in first["dependencies"] for ref in one["dependsOn"]}
    assert wanted == refs
    (own,) = (one for one in first["dependencies"] if one["ref"].startswith("pkg:pypi/mien@"))
    assert any(ref.startswith("pkg:pypi/numpy@") for ref in own["dependsOn"])


@pytest.mark.slow
def test_a_bill_that_does_not_fit_is_refused():
    value = sbom.bill("frame") | {"components": [{"name": "no type"}]}
    with pytest.raises(SystemExit, match="does not fit CycloneDX"):
        sbom.check(json.dumps(value))
