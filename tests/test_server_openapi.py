"""The description of the API, and what the service does with all that it allows and forbids."""

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest

pytest.importorskip("fastapi")

from mien.errors import OptionError
from mien.options import Options, described
from mien.options.options import group_types
from mien.server.allowed import HIDDEN, options_of
from mien.server.app import create_app
from mien.server.describe import options_schema
from mien.server.keys import Keys
from mien.server.settings import Settings
from mien.server.store import Store
from tests.serving import Serving

HERE = Path(__file__).parent
DESCRIBED = options_schema()


def test_every_option_is_described_or_hidden():
    groups = DESCRIBED["properties"]
    found = {
        f"{group}.{name}" if "properties" in part else group
        for group, part in groups.items()
        for name in part.get("properties", {"": None})
    }
    assert found == set(described()) - set(HIDDEN)
    assert set(group_types()) <= set(groups)
    assert set(groups) == {one.name for one in fields(Options)} - {"branches"}


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({}, True),
        ({"segmentation": {"by": "window", "window": 3, "step": 1}, "portraits": 200}, True),
        ({"faces": {"person": 2, "convention": None}, "start": 1.5, "end": 2}, True),
        ({"fusion": {"weights": {"text": 0.5}}, "media": {"audio_track": "de"}}, True),
        ({"speech": {"asr": "whisper:base"}}, False),
        ({"speech": {"words": "x.srt"}}, False),
        ({"faces": {"convention": "other"}}, False),
        ({"portraits": 201}, False),
        ({"start": -1}, False),
        ({"nothing": 1}, False),
    ],
)
def test_what_the_schema_allows_is_what_is_taken(options, fits, tmp_path):
    settings = Settings(tmp_path)
    assert jsonschema.Draft202012Validator(DESCRIBED).is_valid(options) is fits
    if fits:
        assert options_of(options, settings).media.sandbox
        again = options_of(options, settings).to_dict()
        assert options_of(again, settings).to_dict() == again, "a job's options can be sent again"
    else:
        with pytest.raises(OptionError):
            options_of(options, settings)


def test_the_description_says_what_every_route_answers(tmp_path):
    schema = create_app(Settings(tmp_path)).openapi()
    assert schema["openapi"].startswith("3.1")
    for path, operations in schema["paths"].items():
        for method, one in operations.items():
            assert one["description"] or one["summary"], (method, path)
            for status, answer in one["responses"].items():
                if int(status) >= 400:
                    content = answer["content"]["application/json"]["schema"]
                    assert content["$ref"].endswith("/ErrorAnswer"), (method, path, status)
            if path.startswith("/v1/jobs"):
                assert {"401", "421"} <= set(one["responses"]), (method, path)
    assert schema["components"]["schemas"]["Submission"]["required"] == ["file"]


@pytest.mark.slow
def test_schemathesis_finds_nothing(tmp_path):
    folder = tmp_path / "state"
    with Keys(Store(folder)) as keys:
        key = keys.add("fuzz")
    flags = ("--max-queue", "100000", "--max-jobs", "100000", "--workers", "1", "--min-free", "0")
    with Serving(folder, *flags) as service:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("st"), "--config-file", HERE / "schemathesis.toml",
                "run", f"{service.url}/openapi.json", "--header", f"Authorization: Bearer {key}",
                "--checks", "all", "--max-examples", "25", "--no-color", "--request-timeout", "60",
            ],
            capture_output=True, text=True, timeout=600, check=False, cwd=tmp_path,
            env=os.environ | {"NO_PROXY": "127.0.0.1"},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-8000:]
        operations = sum(
            len(one) for one in create_app(Settings(folder)).openapi()["paths"].values()
        )
        assert f"{operations} selected" in done.stdout
        assert str(folder) not in done.stdout
