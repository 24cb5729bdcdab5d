"""A drawing as SVG: boxes, text and lines in the colour of the page around them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

SIZE = 15
"""Height of the letters; drawings are at least 560 px wide on a page."""
STYLE = "svg{color:#191c20}@media (prefers-color-scheme:dark){svg{color:#eceef0}}"


class Drawing:
    """An SVG under construction."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._parts: list[str] = []

    def rect(
        self, x: float, y: float, w: float, h: float, fill: str = "none", opacity: float = 1.0
    ) -> None:
        """A box; without a colour it has a thin frame and a faint ground."""
        look = f'fill="{fill}" fill-opacity="{opacity:g}"'
        if fill == "none":
            look = (
                'fill="currentColor" fill-opacity=".05" stroke="currentColor" stroke-opacity=".3"'
            )
        self._parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="5" {look}/>'
        )

    def text(
        self, x: float, y: float, words: str, anchor: str = "start", soft: bool = False,
        bold: bool = False, size: float = SIZE,
    ) -> None:  # fmt: skip
        """A line of text; ``y`` is its base line."""
        look = ' fill-opacity=".72"' if soft else ""
        look += ' font-weight="650"' if bold else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size:g}"{look}>'
            f"{escape(words)}</text>"
        )

    def line(
        self, points: Sequence[tuple[float, float]], colour: str = "currentColor",
        width: float = 1.5, opacity: float = 1.0, dashed: bool = False,
    ) -> None:  # fmt: skip
        """A line through points."""
        path = " ".join(f"{x:.4g},{y:.4g}" for x, y in points)
        dash = ' stroke-dasharray="4 4"' if dashed else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
            f'stroke-opacity="{opacity:g}"{dash}/>'
        )

    def arrow(self, x: float, y: float, to_x: float, to_y: float) -> None:
        """A straight or bent arrow to the right or downwards."""
        right = to_x - x >= 20
        middle = (x + to_x) / 2
        bend = [(x, y), (middle, y), (middle, to_y), (to_x - 6, to_y)]
        points = bend if right else [(x, y), (to_x, to_y - 6)]
        self.line(points, opacity=0.55)
        tip = (
            [(to_x - 8, to_y - 4), (to_x, to_y), (to_x - 8, to_y + 4)]
            if right
            else [(to_x - 4, to_y - 8), (to_x, to_y), (to_x + 4, to_y - 8)]
        )
        corners = " ".join(f"{a:g},{b:g}" for a, b in tip)
        self._parts.append(f'<polygon points="{corners}" fill="currentColor" fill-opacity=".55"/>')

    def dot(
        self, x: float, y: float, colour: str, radius: float = 4.5, hollow: bool = False
    ) -> None:
        """A point of a chart."""
        look = (
            f'fill="{colour}"' if not hollow else f'fill="none" stroke="{colour}" stroke-width="2"'
        )
        self._parts.append(f'<circle cx="{x:.4g}" cy="{y:.4g}" r="{radius:g}" {look}/>')

    def hatch(self, x: float, y: float, w: float, h: float) -> None:
        """A hatched box: nothing to judge."""
        self.rect(x, y, w, h)
        for start in range(int(x), int(x + w), 9):
            top = min(start + h, x + w)
            self.line([(start, y + h), (top, y + h - (top - start))], width=1, opacity=0.25)

    def svg(self) -> str:
        """The file."""
        box = f"-12 0 {self.width + 24} {self.height}"
        look = 'font-family="system-ui, sans-serif" fill="currentColor"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{box}" {look}>',
                f"<style>{STYLE}</style>",
                *self._parts,
                "</svg>\n",
            ]
        )
