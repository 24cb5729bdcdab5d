"""What the documents say has to be so."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("script", ["card_table.py", "fusion_page.py"])
def test_the_figures_in_the_documents_are_those_of_packs_and_benchmarks(script):
    check = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    assert subprocess.run(check, check=False, timeout=60).returncode == 0


def test_every_module_and_room_stands_in_the_architecture():
    """In the drawing of the floors, and nothing stands there that is not."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    (floors,) = re.findall(r"## Floors.*?```\n(.*?)```", text, re.DOTALL)
    drawn = [word for line in floors.splitlines() for word in re.split(r"\s{3,}", line)[0].split()]
    here = ROOT / "src" / "mien"
    rooms = {p.stem for p in here.glob("*.py") if p.stem != "__init__"}
    rooms |= {p.parent.name for p in here.glob("*/__init__.py")}
    assert sorted(re.sub(r"(/|\.py)$", "", word) for word in drawn) == sorted(rooms)


def test_no_document_names_a_machine_path():
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        found = re.search(r"(?<!\w)/(work|root|home|tmp)/\w+", path.read_text())
        assert found is None, f"{path}: {found}"
