"""What the documents say has to be so."""

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

import mien

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    "script",
    [
        "branch_page.py",
        "card_table.py",
        "commands_page.py",
        "fusion_page.py",
        "options_page.py",
        "paper_table.py",
        "results_page.py",
        "schema_page.py",
        "site_figures.py",
    ],
)
def test_the_figures_in_the_documents_are_those_of_packs_and_benchmarks(script):
    check = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    assert subprocess.run(check, check=False, timeout=60).returncode == 0


def floors():
    """Each line of the architecture's floors as the modules that it names, top first."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = re.search(r"## Floors.*?```\n(.*?)```", text, flags=re.S)[1]
    named = [re.split(r"\s{3,}", line)[0].split() for line in block.splitlines()]
    return [[name.removesuffix(".py").rstrip("/") for name in line] for line in named]


def test_the_architecture_names_every_module_and_no_other():
    here = ROOT / "src" / "mien"
    modules = {p.stem for p in here.glob("*.py") if p.stem != "__init__"}
    modules |= {p.parent.name for p in here.glob("*/__init__.py")}
    named = [name for line in floors() for name in line]
    assert sorted(named) == sorted(modules)


def test_the_floors_of_the_architecture_are_those_of_the_import_contract():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    layers = next(c["layers"] for c in contracts if c["type"] == "layers")
    line = {name: i for i, names in enumerate(floors()) for name in names}
    levels = [[line[name.strip()] for name in layer.split("|")] for layer in layers]
    for above, below in pairwise(levels):
        assert max(above) <= min(below)


def test_no_document_names_a_machine_path():
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        found = re.search(r"(?<!\w)/(work|root|home|tmp)/\w+", path.read_text())
        assert found is None, f"{path}: {found}"


def test_citation_changelog_and_version_agree():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\](?: - (\S+)| \((\S+)\))?$", changelog, flags=re.M)
    (first, _, coming), (released, date, _) = headings[:2]
    assert first == "Unreleased"
    assert re.search(r"^version: (\S+)$", citation, flags=re.M)[1] == released
    assert re.search(r"^date-released: (\S+)$", citation, flags=re.M)[1] == date
    assert re.fullmatch(rf"{re.escape(coming)}\.dev\d+|{re.escape(released)}", mien.__version__)


def test_links_between_documents_lead_somewhere():
    def anchors(path):
        plain = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
        titles = re.findall(r"^#+ (.+)$", plain, flags=re.M)
        return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}

    gallery = (ROOT / "scripts" / "gallery.py").read_text(encoding="utf-8")
    reports = re.search(r"^REPORTS = (.*)$", gallery, flags=re.M)[1]
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("examples/*/*.md")]:
        text = re.sub(r"```.*?```|`[^`\n]*`|^    .*$", "", path.read_text(), flags=re.S | re.M)
        targets = re.findall(r"\]\(([^)\s]+)\)|<img[^>]*? src=\"([^\"]+)\"", text)
        for target in (a or b for a, b in targets):
            if target.startswith("http"):
                continue
            name, _, anchor = target.partition("#")
            if made := re.fullmatch(r"(?:\.\./)?gallery/(\w+)\.html", target):
                assert made[1] in reports, f"{path}: {target}"
                continue
            file = (path.parent / name).resolve() if name else path
            assert file.exists(), f"{path}: {target}"
            assert not anchor or anchor in anchors(file), f"{path}: {target}"
