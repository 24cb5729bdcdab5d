"""Pictures of the page of the service for its documentation: ``scripts/page_screens.py OUT``.

Starts a service of its own, sends it the clip of ``mien demo`` and labels it as two coders. Needs
the extras ``server`` and ``dev`` and a Chromium.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mien.demo import make_clip

URL = "http://127.0.0.1:18766"
SIZES = {"home": (1000, 350), "coding": (1200, 860), "compare": (1000, 760)}


def main(out: Path) -> None:
    """Write a picture of each view."""
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "demo.mp4"
        make_clip(clip)
        state = Path(folder) / "state"
        serve = [sys.executable, "-m", "mien", "serve", "--folder", str(state), "--port", "18766"]
        service = subprocess.Popen(serve, stderr=subprocess.DEVNULL)
        try:
            with sync_playwright() as p:
                browser = p.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox", "--mute-audio"]
                )
                page = browser.new_page(color_scheme="light")
                wait_for_service()
                page.goto(URL)
                page.click("#notice button")
                send(page, clip)
                take(page, out)
        finally:
            service.terminate()
            service.wait()


def wait_for_service() -> None:
    """Until it answers."""
    ask = build_opener(ProxyHandler({})).open
    for _ in range(200):
        try:
            ask(f"{URL}/health")
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("The service does not answer.")


def send(page: Page, clip: Path) -> None:
    """The clip twice, by windows and by lines."""
    page.click("#drop summary")
    page.fill("#o-window", "1")
    page.fill("#o-step", "0.5")
    page.set_input_files("#files", str(clip))
    page.fill("#o-name", "demo, its first half")
    page.fill("#o-end", "2.8")
    page.set_input_files("#files", str(clip))
    page.click("#drop summary")
    page.locator(".job.completed").nth(1).wait_for(timeout=300_000)


def take(page: Page, out: Path) -> None:
    """Pictures of the list, of coding by two, and of the comparison."""
    jobs = json.loads(page.evaluate("fetch('/v1/jobs').then((r) => r.text())"))["jobs"]
    views = {
        "home": "#/",
        "coding": f"#/job/{jobs[1]['id']}/coding",
        "compare": f"#/compare?a={jobs[1]['id']}&b={jobs[0]['id']}",
    }
    for name, view in views.items():
        page.set_viewport_size(dict(zip(("width", "height"), SIZES[name], strict=True)))
        page.goto(f"{URL}/{view}")
        page.wait_for_selector("html[data-ready]")
        page.wait_for_timeout(1500)
        if name == "coding":
            for coder, keys in (("Anna", "44556"), ("Ben", "445")):
                page.fill("#coder", coder)
                page.click("#begin")
                page.wait_for_selector("#coding-as")
                for key in keys:
                    page.keyboard.press(key)
                page.wait_for_timeout(1000)
                if coder == "Anna":
                    page.click("#stop")
        path = out / f"server-{name}.png"
        page.screenshot(path=path)
        shown = Image.open(path).convert("RGB")
        # The octree keeps the colours of labels, which take few pixels.
        small = shown.quantize(256, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        small.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
