"""A service as a process of its own, and what its workers do in tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

open_url = build_opener(ProxyHandler({})).open
"""As ``urllib.request.urlopen``, without a proxy."""


class Serving:
    """``mien serve`` on a free port, in a process group of its own."""

    def __init__(self, folder: Path, *flags: str, code: str = "", patience: float = 120) -> None:
        start = ["-c", code] if code else ["-m", "mien"]
        log = folder.parent / f"{folder.name}.log"
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        with log.open("ab") as out:
            self._from = out.tell()
            self.process = subprocess.Popen(
                [sys.executable, *start, "serve", "--folder", str(folder), "--port", "0", *flags],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.url = self._listening(patience)

    def _listening(self, patience: float) -> str:
        end = time.monotonic() + patience
        while time.monotonic() < end:
            for line in self.lines():
                if line.get("event") == "listening":
                    return str(line["url"])
            if self.process.poll() is not None:
                raise AssertionError(f"it ended: {self.log.read_text()}")
            time.sleep(0.02)
        raise AssertionError(f"it does not listen: {self.log.read_text()}")

    def lines(self) -> list[dict]:
        """The JSON lines of the log of this run."""
        with self.log.open("rb") as file:
            file.seek(self._from)
            text = file.read().decode(errors="replace")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def kill(self, group: bool = True) -> None:
        """SIGKILL, to all its processes or to the one that answers requests."""
        if group:
            os.killpg(self.process.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.kill()

    def __enter__(self) -> Serving:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.stop()


def planted(upload: str, options: dict, out: str) -> dict:
    """What a worker does for a job in tests: what the content of the file says."""
    from mien.batch.pool import tell

    words = Path(upload).read_bytes()[:200].decode(errors="replace").split()
    what = words[0] if words else ""
    tell(("begun", 0.25))
    if what == "hang":
        time.sleep(600)
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "hungry":
        try:
            bytearray(3_000_000_000)
        except MemoryError:
            return {"error": ("MemoryLimitError", "")}
    if what == "bad":
        return {"error": ("MediaError", f"{Path(upload).name} in {upload} is damaged; x.")}
    if what == "slow":
        time.sleep(float(words[1]))
    folder = Path(out)
    folder.mkdir(exist_ok=True)
    (folder / "report.html").write_text("<!doctype html><title>planted</title>")
    (folder / "analysis.json").write_text(json.dumps({"bytes": Path(upload).stat().st_size}))
    return {"duration": 1.5}
