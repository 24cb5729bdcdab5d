"""A service whose workers plant results, for the tests of its page and of coding by hand."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request

import numpy as np

from tests.serving import Serving, open_url

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
START = f"""
import sys
sys.path.insert(0, {str(Path(__file__).resolve().parent)!r})
from functools import partial
import mien.server.run as run
from page_worker import analysed
run.create_app = partial(run.create_app, analyze=analysed)
from mien.cli import main
main()
"""
"""What a process runs that is ``mien serve`` with ``page_worker.analysed`` for the analysis."""


def call(url: str, path: str, body: Any = None, method: str | None = None, key: str = "") -> Any:
    """A request with JSON, and the JSON of the answer; the status with it if it is 400 or more."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        with open_url(Request(url + path, data, headers, method=method), timeout=30) as answer:
            text = answer.read()
            return json.loads(text) if text.startswith((b"{", b"[")) else text
    except HTTPError as error:
        return error.code, json.loads(error.read())["error"]


def submitted(url: str, name: str, content: bytes, key: str = "") -> str:
    """The id of a job of a file."""
    edge = "----mien"
    options = '{"segmentation": {"by": "window", "window": 1, "step": 0.5}}'
    parts = [
        ('name="options"', options.encode()),
        ('name="name"', name.encode()),
        (f'name="file"; filename="upload{Path(name).suffix}"', content),
    ]
    body = b"".join(
        f"--{edge}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    )
    body += f"--{edge}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    with open_url(Request(url + "/v1/jobs", body, headers), timeout=30) as answer:
        return str(json.loads(answer.read())["id"])


def done(url: str, job: str, key: str = "") -> dict[str, Any]:
    """A job once it has ended."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = call(url, f"/v1/jobs/{job}", key=key)
        if found["state"] in ("completed", "failed", "cancelled"):
            return dict(found)
        time.sleep(0.05)
    raise AssertionError(f"{job} does not end")


def planted_job(url: str, name: str = "clip.mp4", key: str = "", **said: Any) -> str:
    """The id of a completed job with planted words; see ``page_worker.analysed``."""
    job = submitted(url, name, json.dumps(said or {"seconds": 6}).encode(), key)
    done(url, job, key)
    return job


def short_clip(path: Path, seconds: float = 6.0) -> Path:
    """A changing grey and a tone, which a browser plays."""
    from mien.media.writer import write_clip

    pictures = (np.full((90, 160, 3), 40 + 2 * i, dtype=np.uint8) for i in range(int(seconds * 12)))
    tone = np.sin(np.arange(int(seconds * 16_000)) * 0.17).astype(np.float32) * 0.1
    write_clip(path, pictures, 12, tone)
    return path


@contextmanager
def browsing() -> Iterator[Any]:
    """A Chromium that plays without being asked to, and without sound."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        quiet = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        running = p.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield running
        running.close()


@contextmanager
def opened(
    browser: Any, url: str, view: str = "#/", width: int = 1280, *, theme: str = "light",
    ready: str = "html[data-ready]", notice: bool = False, complaints: bool = True,
) -> Iterator[Any]:  # fmt: skip
    """The page in a window of its own; it must have asked no other origin, and said nothing."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, accept_downloads=True
    )
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    if not notice:  # it was read before
        text = json.dumps(call(url, "/v1/notice"), separators=(",", ":"))
        page.add_init_script(f"localStorage.setItem('mien-notice', {json.dumps(text)})")
    page.goto(f"{url}/{view}")
    page.wait_for_selector(ready)
    try:
        yield page
        if complaints:
            assert said == [], said
        outside = [u for u in asked if not u.startswith((f"{url}/", "blob:", "data:"))]
        assert outside == [], outside
    finally:
        context.close()


def service(folder: Path, *flags: str) -> Serving:
    """The service with planted results."""
    return Serving(folder, *flags, code=START)


# --- what a user of the page does ---------------------------------------------------------------


def until(page, condition, arg=None):
    """Wait for a condition; the page's policy forbids what playwright's own waiting does."""
    end = time.monotonic() + 30
    while not page.evaluate(condition, arg):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(30)


def press(page, keys):
    for key in keys:
        page.keyboard.press(key)


def begin(page, name):
    page.fill("#coder", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#coding-as")
    assert page.inner_text("#coding-as") == name


def saved(page):
    until(page, "document.querySelector('#saved').textContent === 'saved'")


def given(url, job, coder):
    """The labels of a coder that the server has, by row."""
    for one in call(url, f"/v1/jobs/{job}/codings")["codings"]:
        if one["coder"] == coder:
            codes = call(url, f"/v1/jobs/{job}/codings/{one['id']}")["codes"]
            return {code["row"]: code["label"] for code in codes}
    return {}


def forget(url, job):
    for one in call(url, f"/v1/jobs/{job}/codings")["codings"]:
        call(url, f"/v1/jobs/{job}/codings/{one['id']}", method="DELETE")


def downloaded(page, text):
    page.click(".menu summary")
    with page.expect_download() as found:
        page.get_by_role("button", name=text).click()
    page.keyboard.press("Escape")
    return found.value
