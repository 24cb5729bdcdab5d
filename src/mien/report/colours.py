"""The colours of the seven labels in all drawings.

Any two are distinguishable for readers with protanopia, deuteranopia and tritanopia (distance in
OKLab of at least 0.11 after the simulation of Machado et al. 2009; ``tests/test_page.py``). No
drawing relies on colour only: each also names the label.
"""

from __future__ import annotations

EMOTIONS = {
    "anger": "#DA6810",
    "disgust": "#226A68",
    "fear": "#7A2BB3",
    "joy": "#F8AE14",
    "neutral": "#C9CBC0",
    "sadness": "#2281DD",
    "surprise": "#4DBDFB",
}
DARK_INK, LIGHT_INK = "#0E1013", "#FFFFFF"


def luminance(colour: str) -> float:
    """Relative luminance of ``#RRGGBB`` in [0, 1] (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ink(colour: str) -> str:
    """The text colour with the best contrast to a background colour."""
    return max(DARK_INK, LIGHT_INK, key=lambda text: contrast(text, colour))
