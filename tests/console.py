"""The command line in this process: the ``main`` of the program without a new interpreter."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from unittest import mock


def mien(*words: object) -> subprocess.CompletedProcess[str]:
    """``mien WORDS``: exit code and what was printed; an unforeseen exception is raised."""
    given = ["mien", *map(str, words)]
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "160"
    try:
        with (
            mock.patch.object(sys, "argv", given),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            from mien.cli import main

            main()
    except SystemExit as ended:
        code = ended.code or 0
    finally:
        del os.environ["COLUMNS"]
        if columns is not None:
            os.environ["COLUMNS"] = columns
    assert isinstance(code, int)
    return subprocess.CompletedProcess(given, code, out.getvalue(), err.getvalue())


def process(*words: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """``mien WORDS`` as a program of its own, in an environment of nearly nothing."""
    kept = {k: v for k, v in os.environ.items() if k == "PYTHONPATH" or k.startswith("COVERAGE")}
    return subprocess.run(
        [sys.executable, "-m", "mien", *map(str, words)],
        capture_output=True, text=True, timeout=timeout, check=False,
        env=kept | {"COLUMNS": "160", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
    )  # fmt: skip
