"""The container file and the systemd unit: what they promise is what they say."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "deploy" / "mien.service"
CONTAINER = ROOT / "deploy" / "Containerfile"


def steps():
    text = re.sub(r"\\\n", " ", CONTAINER.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [line.strip().split(None, 1) for line in lines]


def test_the_container_runs_without_root_and_copies_what_there_is():
    found = steps()
    names = [name for name, _ in found]
    assert names.count("FROM") == 2
    last = found[len(names) - 1 - names[::-1].index("FROM") :]
    users = [what for name, what in last if name == "USER"]
    assert users
    assert int(users[-1]) >= 1000
    assert ("VOLUME", "/state") in [tuple(step) for step in last]
    for name, what in found:
        if name == "COPY" and "--from" not in what:
            for source in what.split()[:-1]:
                assert (ROOT / source).exists(), source
    assert not any(name == "ADD" or "latest" in what for name, what in found)


def test_the_commands_of_both_are_those_of_mien():
    from typer.main import get_command

    from mien.cli.serve import app

    options = {name for param in get_command(app).params for name in param.opts}
    texts = [what for name, what in steps() if name == "CMD"]
    texts += re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    given = {word for text in texts for word in re.findall(r"--[a-z-]+", text)}
    given -= {"--interval", "--timeout", "--start-period"}
    assert {"--folder", "--host"} <= given <= options


def test_the_unit_confines_the_service():
    parser = configparser.RawConfigParser(strict=False, delimiters=("=",))
    parser.optionxform = str
    parser.read_string(UNIT.read_text())
    service = dict(parser["Service"])
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "DynamicUser"):
        assert service[name] == "yes", name
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    text = UNIT.read_text()
    for call in ("landlock_create_ruleset", "landlock_restrict_self", "seccomp"):
        assert re.search(rf"^SystemCallFilter=@system-service.*\b{call}\b", text, re.MULTILINE)


def test_systemd_finds_nothing_wrong_with_the_unit():
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(UNIT)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(UNIT)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "nknown" not in verified.stderr, verified.stderr
