"""Pictures of a report for the documentation: ``python scripts/report_screens.py PAGE FOLDER``.

Needs playwright and Debian's Chromium. The page is that of ``make demo``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

SHOTS = (("report-light.png", 1280, 960, "light"), ("report-dark.png", 800, 1120, "dark"))
AT = 1.9
"""Seconds; a moment at which the modalities differ."""


def main(page_file: Path, folder: Path) -> None:
    """Write the pictures, in 256 colours so that they stay small."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for name, width, height, theme in SHOTS:
            size = {"width": width, "height": height}
            page = browser.new_page(viewport=size, color_scheme=theme)
            page.goto(page_file.resolve().as_uri())
            page.wait_for_selector("html[data-ready]")
            page.evaluate("t => { document.querySelector('video').currentTime = t; }", AT)
            page.wait_for_timeout(1500)
            shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            shown.quantize(256, dither=Image.Dither.NONE).save(folder / name, optimize=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
