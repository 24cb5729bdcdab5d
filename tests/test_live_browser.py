"""The live page in a real Chromium, whose camera and microphone are the clip of the demo."""

import contextlib
import re
import socket
import subprocess
import sys
import time
import urllib.request
import wave
from pathlib import Path

import numpy as np
import pytest

from mien.demo import portrait_pictures
from mien.media import load_audio
from mien.packs import EMBEDDED

sync_api = pytest.importorskip("playwright.sync_api")
pytest.importorskip("fastapi")
pytestmark = pytest.mark.slow

CHROMIUM = Path("/usr/bin/chromium")
RATE = 48_000
WAIT = 90_000
"""Milliseconds: a machine with other work takes long to load the models."""


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """The portrait as Y4M, and the sentence again and again as WAV."""
    folder = tmp_path_factory.mktemp("camera")
    write_y4m(folder / "face.y4m", list(portrait_pictures(30)), 10)
    sound = np.concatenate(
        [np.zeros(16_000, np.float32), load_audio(EMBEDDED / "demo" / "speech.flac")]
    )
    samples = np.interp(np.arange(3 * len(sound)) / 3, np.arange(len(sound)), sound)
    with wave.open(str(folder / "voice.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return folder


def write_y4m(path, pictures, rate):
    """Pictures in BGR order as 4:2:0."""
    import cv2

    height, width = pictures[0].shape[:2]
    with path.open("wb") as file:
        file.write(f"YUV4MPEG2 W{width} H{height} F{rate}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in pictures:
            file.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).tobytes())


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The address of a service of its own process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("service")
    command = [sys.executable, "-m", "mien", "serve", "--folder", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/health").close()
                break
            time.sleep(0.1)
        yield address, process, folder
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def page_of(camera, *more, fake=True, **context):
    """A page of a Chromium; it must report no error and load nothing from elsewhere."""
    arguments = [*more]
    if fake:
        arguments += [
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={camera / 'face.y4m'}",
            f"--use-file-for-fake-audio-capture={camera / 'voice.wav'}",
        ]  # fmt: skip
    with sync_api.sync_playwright() as playwright:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        page = browser.new_context(**context).new_page()
        errors, elsewhere = [], []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "console",
            lambda told: errors.append(told.text) if "Security" in told.text else None,
        )
        page.on(
            "request",
            lambda asked: elsewhere.append(asked.url) if "127.0.0.1" not in asked.url else None,
        )
        yield page
        browser.close()
    assert errors == []
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []


def begin(page, address, button="#start"):
    page.goto(f"{address}/live")
    assert page.is_disabled("#start")
    page.check("#agree")
    page.click(button)
    page.wait_for_selector("body[data-state=running]", timeout=WAIT)


def test_from_camera_and_microphone_to_answers_and_a_recording(camera, service):
    address, _, folder = service
    with page_of(camera) as page:
        begin(page, address)
        faces = sync_api.expect(page.locator("#faces"))
        faces.to_contain_text("Person 1", timeout=WAIT)
        page.click("#record")
        said = sync_api.expect(page.locator("#utterances"))
        said.to_contain_text(re.compile("happy", re.I), timeout=WAIT)
        page.wait_for_selector("#big:not(.none)", timeout=WAIT)
        assert "%" in page.inner_text("#big")
        rows = page.inner_text("#answers")
        assert all(name in rows for name in ("Words", "Voice", "Face"))
        assert "ms" in page.inner_text("#delay-face")
        assert int(page.inner_text("#looked")) > 5
        # Nothing is stored before the recording is stopped.
        assert [p for p in (folder / "jobs").rglob("*") if p.is_file()] == []
        page.click("#record")
        page.wait_for_selector("#recording a[href='/']", timeout=WAIT)
        jobs = page.evaluate("fetch('/v1/jobs').then((r) => r.json())")["jobs"]
        assert [job["name"][:5] for job in jobs] == ["live "]
        page.click("#stop")
        page.wait_for_selector("body[data-state=ended]", timeout=WAIT)
        assert page.is_visible("#again")


def test_one_device_alone_and_a_server_that_is_busy(camera, service):
    address, _, _ = service
    with page_of(camera, viewport={"width": 400, "height": 800}) as page:
        begin(page, address, "#start-sound")
        assert page.is_visible("#no-camera")
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        other = page.context.new_page()
        begin(other, address, "#start-pictures")
        assert other.is_hidden("#said-card")
        third = page.context.new_page()
        third.goto(f"{address}/live")
        third.check("#agree")
        third.click("#start")
        third.wait_for_selector("#trouble:not([hidden])", timeout=WAIT)
        assert "The server is busy. 2 live sessions run" in third.inner_text("#trouble")
        other.click("#stop")
        other.wait_for_selector("body[data-state=ended]", timeout=WAIT)
        page.click("#stop")
        page.wait_for_selector("body[data-state=ended]", timeout=WAIT)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(camera, service, theme):
    """Before it starts, while it runs, and when it is over; at three widths."""
    from axe_playwright_python.sync_playwright import Axe

    address, _, _ = service

    def found(page):
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        violations = Axe().run(page).response["violations"]
        told = [(one["id"], one["nodes"][0]["html"]) for one in violations]
        return [*told, *(["runs over"] if wide > 0 else [])]

    with page_of(camera, color_scheme=theme) as page:
        page.goto(f"{address}/live")
        for width in (400, 800, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert found(page) == [], width
        begin(page, address)
        page.wait_for_selector("#big:not(.none)", timeout=WAIT)
        for width in (400, 800, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert found(page) == [], width
        page.click("#stop")
        page.wait_for_selector("body[data-state=ended]", timeout=WAIT)
        assert found(page) == []


def test_without_permission_the_page_says_what_to_do(camera, service):
    address, _, _ = service
    with page_of(camera, "--deny-permission-prompts", fake=False) as page:
        page.goto(f"{address}/live")
        page.check("#agree")
        page.click("#start")
        page.wait_for_selector("#trouble:not([hidden])", timeout=WAIT)
        text = page.inner_text("#trouble")
        assert "Camera and microphone cannot be used" in text
        assert "start again" in text
        assert page.is_visible("#consent")


def test_it_connects_again_when_the_server_is_lost(camera, service):
    address, process, _ = service
    with page_of(camera) as page:
        begin(page, address, "#start-pictures")
        process.kill()
        process.wait()
        page.wait_for_selector("body[data-state=lost]", timeout=WAIT)
        assert "The next attempt is in" in page.inner_text("#trouble")
        assert page.is_visible("#trouble button")
        page.click("#stop")
        page.wait_for_selector("body[data-state=ended]", timeout=WAIT)
