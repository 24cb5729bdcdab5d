"""Hooks of MkDocs: what the site shows of files outside ``docs``, and drawings inside its pages.

The pages of ``docs`` link to files of the repository (``../benchmarks/results/face.md``), so that
they can be read there. The site has copies of those files that ``PLACES`` names, and the links lead
to the copies. ``decisions/*`` in the navigation stands for the pages of that folder.
"""

from __future__ import annotations

import os
import re
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

from mkdocs.plugins import get_plugin_logger
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
GALLERY = Path(os.environ.get("MIEN_GALLERY", ROOT / "build" / "gallery"))
"""Report pages, written by ``scripts/gallery.py``."""
PLACES = (
    ("benchmarks/results", "*.md", "results"),
    ("benchmarks/results", "*.png", "results"),
    ("benchmarks/results", "*.txt", "results"),
    ("examples/mien-tempo", "README.md", "examples"),
    (".", "CONTRIBUTING.md", "."),
    (".", "CHANGELOG.md", "."),
    (".", "NOTICE", "."),
    ("src/mien/analysis", "analysis.schema.json", "."),
    ("plugins/mien-body", "README.md", "examples"),
    ("deploy", "*", "deploy"),
    *(
        (f"src/mien/embedded/{pack}", kind, f"cards/{pack}")
        for pack in ("text", "voice", "face", "detector", "fusion")
        for kind in ("README.md", "*.png", "report.txt")
    ),
)
"""Folder, pattern, and the folder of the site."""
NAMES = {
    "examples/mien-tempo/README.md": "mien-tempo.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "NOTICE": "NOTICE.txt",
    "deploy/Containerfile": "Containerfile.txt",
    "plugins/mien-body/README.md": "mien-body.md",
}
"""Files with another name in the site; a card, README.md, becomes index.md."""
HOME = "README.md"
"""The file that index.md stands for."""
PARTS = {
    "#the-answer-and-how-to-read-it": "concepts/numbers.md",
    "#limits": "limits.md",
    "#measured-figures": "measured.md",
}
"""Its sections, and the pages of the site that say the same."""
_LINK = re.compile(r"(\]\(|\bsrc=\"|\bhref=\")(?![a-z]+:|#|/)([^)\s\"#]+)(#[^)\s\"]*)?")
_CODE = re.compile(r"^( *)(```+|~~~+).*?^\1\2 *$|``[^\n]+?``|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):(?=<code|`)")
_SVG = re.compile(r'<p>\s*<img alt="([^"]*)" src="[^"]*?([\w-]+)\.svg"[^>]*/?>\s*</p>')
_log = get_plugin_logger("mien")


def copies() -> dict[str, str]:
    """Path in the repository -> path in the site, of every file that is copied."""
    found = {}
    for folder, pattern, place in PLACES:
        for path in sorted((ROOT / folder).glob(pattern)):
            here = path.relative_to(ROOT).as_posix()
            name = NAMES.get(here, "index.md" if path.name == "README.md" else path.name)
            found[here] = normpath(join(place, name))
    return found


def on_files(files: Files, config: Any) -> Files:
    """Add the copies and the gallery."""
    for here, place in copies().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / here)))
    for path in sorted(GALLERY.glob("*.html")) if GALLERY.is_dir() else ():
        files.append(File.generated(config, f"gallery/{path.name}", abs_src_path=str(path)))
    return files


def on_config(config: Any) -> Any:
    """Write every ``folder/*`` of the navigation out as the pages of that folder."""
    pages = sorted({*copies().values(), *_own(Path(config.docs_dir))})
    config.nav = _spread(config.nav, pages)
    return config


def _own(docs: Path) -> set[str]:
    return {path.relative_to(docs).as_posix() for path in docs.rglob("*.md")}


def _spread(entry: Any, pages: list[str]) -> Any:
    if isinstance(entry, dict):
        return {title: _spread(below, pages) for title, below in entry.items()}
    if not isinstance(entry, list):
        return entry
    spread: list[Any] = []
    for one in entry:
        if isinstance(one, str) and one.endswith("/*"):
            inside = [page for page in pages if dirname(page) == one[:-2] and page.endswith(".md")]
            spread += [page for page in inside if not page.endswith("/index.md")]
        else:
            spread.append(_spread(one, pages))
    return spread


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links between files of the repository to their places in the site."""
    places = copies()
    origin = {place: here for here, place in places.items()}
    here = origin.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def led(match: re.Match[str]) -> str:
        before, target, anchor = match[1], match[2], match[3] or ""
        path = normpath(join(dirname(here), target))
        if path.startswith("docs/"):
            place = path.removeprefix("docs/")
        elif path == HOME:
            place, anchor = PARTS.get(anchor, "index.md"), ""
        elif path in places:
            place = places[path]
        elif (ROOT / path).exists():
            _log.warning(f"{here} links to {path}, which the site lacks; add it to PLACES")
            return match[0]
        else:
            return match[0]  # MkDocs says what is wrong
        return f"{before}{relpath(place, dirname(page.file.src_uri) or '.')}{anchor}"

    return _outside_code(markdown, led) + _plots(page.file.src_uri)


def _plots(page: str) -> str:
    """The plots beside a card, which the card in the repository does not show."""
    pack = re.fullmatch(r"cards/(\w+)/index\.md", page)
    shown = sorted((ROOT / "src/mien/embedded" / pack[1]).glob("*.png")) if pack else []
    if not pack or pack[1] == "fusion" or not shown:
        return ""
    names = [path.name for path in shown]
    pictures = "\n".join(
        f'<img src="{name}" width="48%" alt="{name.split(".")[0].split("-")[0]} of {pack[1]}">'
        for name in names
    )
    return f"\n\n## Plots\n\n{pictures}\n"


def _outside_code(markdown: str, led: Any) -> str:
    parts, end = [], 0
    for code in _CODE.finditer(markdown):
        parts += [_LINK.sub(led, markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, _LINK.sub(led, markdown[end:])])


def on_page_content(html: str, page: Any, config: Any, files: Files) -> str:
    """Put drawings into the page, where they have its colours; roles of docstrings are names."""
    return _SVG.sub(_drawn, _ROLE.sub("", html))


def _drawn(match: re.Match[str]) -> str:
    path = ROOT / "docs" / "figures" / f"{match[2]}.svg"
    if not path.is_file():
        return match[0]
    svg = re.sub(r"<style>.*?</style>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    svg = svg.replace("<svg ", f'<svg role="img" aria-label="{escape(match[1])}" ', 1)
    return f'<figure class="drawing" tabindex="0">{svg}</figure>'
