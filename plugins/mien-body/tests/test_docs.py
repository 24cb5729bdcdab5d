"""The blocks of docs/body.md run where the plug-in is installed; its table is the script's."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = REPOSITORY / "docs" / "body.md"
RUN = """
import sys
from pathlib import Path
from tests.docblocks import blocks, run
names, count = {}, 0
for block in blocks(Path(sys.argv[1])):
    ours = block.not_run is None or block.not_run.startswith("needs mien-body")
    if block.language in ("python", "console") and ours:
        run(block, names)
        count += 1
print(count)
"""


@pytest.mark.slow
def test_the_blocks_of_the_page_run_one_after_the_other(installed, demo_clip, tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "demo.mp4").write_bytes(demo_clip.read_bytes())
    env = installed | {"PYTHONPATH": os.pathsep.join((installed["PYTHONPATH"], str(REPOSITORY)))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(PAGE)], cwd=tmp_path, env=env,
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3


@pytest.mark.slow
def test_the_table_of_the_simulation_is_what_the_script_prints(installed):
    script = REPOSITORY / "plugins" / "mien-body" / "scripts" / "fusion_simulation.py"
    done = subprocess.run(
        [sys.executable, str(script)], env=installed, capture_output=True, text=True, timeout=300,
        check=True,
    )  # fmt: skip
    rows = [line for line in done.stdout.splitlines() if re.match(r"\| 0", line)]
    assert len(rows) == 4
    assert all(row in PAGE.read_text(encoding="utf-8") for row in rows)


def test_the_page_names_every_option_and_track(installed):
    from dataclasses import fields

    from mien_body.arousal import PARTS
    from mien_body.options import BodyOptions

    text = PAGE.read_text(encoding="utf-8")
    flags = [one.metadata["flag"] for one in fields(BodyOptions)]
    assert [flag for flag in flags if flag not in text] == []
    assert [name for name in PARTS if name not in text] == []
