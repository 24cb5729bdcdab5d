"""Small pictures of the gallery's reports: ``python scripts/gallery_screens.py GALLERY FOLDER``.

Needs playwright and Debian's Chromium. GALLERY is what ``scripts/gallery.py`` has written.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

WIDTH, HEIGHT = 640, 400


def main(gallery: Path, folder: Path) -> None:
    """Write one picture a report, in 128 colours, and the drawing of the demo."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for path in sorted(gallery.glob("*.html")):
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.goto(path.resolve().as_uri())
            page.wait_for_selector("html[data-ready]")
            page.wait_for_timeout(1000)
            shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            small = shown.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            small = small.quantize(128, dither=Image.Dither.NONE)
            small.save(folder / f"gallery-{path.stem}.png", optimize=True)
            page.close()
        browser.close()
    shutil.copy(gallery / "demo.png", folder / "gallery-timeline.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
