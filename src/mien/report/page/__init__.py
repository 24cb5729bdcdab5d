"""The analysis as one HTML file that opens offline, optionally with the recording."""

from __future__ import annotations

from mien.report.page.build import FORMATS, page_html, save_page
from mien.report.page.card import card_html
from mien.report.page.media import NO_MEDIA, PageMedia, check_media, page_media

__all__ = [
    "FORMATS", "NO_MEDIA", "PageMedia", "card_html", "check_media", "page_html", "page_media",
    "save_page",
]  # fmt: skip
