"""Screenshots of a report for the documentation: ``python scripts/report_screens.py PAGE FOLDER``.

Needs playwright and Debian's Chromium. The page is that of ``make demo``.
"""

from __future__ import annotations

import io
import sys
from itertools import product
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import sync_playwright

SIZES = ((400, 1400), (800, 1120), (1280, 960))
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AT = 1.9
"""A time in seconds at which the modalities differ."""


def main(page_file: Path, folder: Path) -> None:
    """Write the screenshots in 256 colours, which makes the files small."""
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        for (width, height), theme in product(SIZES, THEMES):
            page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)
            page.goto(page_file.resolve().as_uri())
            page.wait_for_selector("html[data-ready]")
            page.evaluate("t => { document.querySelector('video').currentTime = t; }", AT)
            page.wait_for_timeout(1500)
            shown = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            small = shown.quantize(256, dither=Image.Dither.NONE)
            small.save(folder / f"report-{width}-{theme}.png", optimize=True)
            page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
