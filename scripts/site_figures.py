"""Write the drawings of the documentation, docs/figures/*.svg: ``python scripts/site_figures.py``.

With ``--check`` nothing is written and the exit code tells whether they are up to date. Numbers
come from the code and from benchmarks/results. Text and lines have the colour of the page around
them (``currentColor``), so that the drawings can be read on light and dark pages.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from drawing import Drawing

from mien.fusion.length import length_weights

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "figures"
RESULTS = ROOT / "benchmarks" / "results"
WORDS, VOICE, FACE, FUSED = "#3B82D6", "#D0661A", "#A05BD6", "#4B9A7B"


def pipeline() -> Drawing:
    """One recording, from the file to the report."""
    d = Drawing(720, 372)
    for x, w, name, about in (
        (0, 110, "media", "decodes once"),
        (150, 130, "perceive", "what is there"),
        (320, 130, "segments", "what is judged"),
    ):
        d.rect(x, 130, w, 58)
        d.text(x + w / 2, 155, name, "middle", bold=True)
        d.text(x + w / 2, 175, about, "middle", soft=True, size=13)
    d.arrow(110, 159, 150, 159)
    d.arrow(280, 159, 320, 159)
    for y, name, colour in ((30, "text", WORDS), (130, "voice", VOICE), (230, "face", FACE)):
        d.rect(500, y, 90, 58, colour, 0.2)
        d.text(545, y + 34, name, "middle", bold=True)
        d.arrow(450, 159, 500, y + 29)
    d.rect(640, 130, 80, 58, FUSED, 0.25)
    d.text(680, 164, "fusion", "middle", bold=True)
    for y in (59, 159, 259):
        d.arrow(590, y, 640, 159)
    below = ("sound, pictures", "turns, words,", "the whole, windows,", "seven probabilities")
    for x, words in zip((55, 215, 385, 545), below, strict=True):
        d.text(x, 214 if x < 500 else 312, words, "middle", soft=True, size=13)
    d.text(215, 231, "shots, faces", "middle", soft=True, size=13)
    d.text(385, 231, "lines, turns", "middle", soft=True, size=13)
    d.text(545, 329, "and a quality each", "middle", soft=True, size=13)
    d.text(55, 118, "a file", "middle", soft=True, size=13)
    d.arrow(680, 188, 680, 312)
    d.text(720, 334, "analysis", "end", bold=True)
    d.text(720, 353, "report, exports", "end", soft=True, size=13)
    return d


def segments() -> Drawing:
    """The same 20 seconds by each choice of --by."""
    d = Drawing(720, 262)
    left, scale = 130, 28.5
    turns = ((0.8, 4.2, "A"), (4.8, 9.0, "B"), (9.3, 11.5, "B"), (13.4, 18.6, "A"))

    def row(y: int, name: str, spans: Sequence[tuple[float, float, str]], colour: str) -> None:
        d.text(0, y + 17, name, bold=name.startswith("--"))
        for start, end, label in spans:
            d.rect(left + start * scale, y, (end - start) * scale - 2, 24, colour, 0.3)
            d.text(left + (start + end) / 2 * scale, y + 17, label, "middle", size=13)

    row(8, "who speaks", turns, FUSED)
    row(52, "--by clip", ((0, 20, "one row"),), WORDS)
    row(90, "--by utterance", [(a, b, str(i + 1)) for i, (a, b, _) in enumerate(turns)], WORDS)
    row(128, "--by speaker", ((0.8, 4.2, "A"), (4.8, 11.5, "B"), (13.4, 18.6, "A")), WORDS)
    windows = [(2.5 * i, 2.5 * i + 5, str(i + 1)) for i in range(7)]
    row(166, "--by window", windows[::2], WORDS)
    row(194, "", windows[1::2], WORDS)
    for second in range(0, 21, 5):
        x = left + second * scale
        d.line([(x, 0), (x, 226)], opacity=0.18)
        d.text(
            x,
            246,
            f"{second} s",
            "middle" if 0 < second < 20 else "start" if not second else "end",
            soft=True,
            size=13,
        )
    return d


def explanation() -> Drawing:
    """The log-odds of the demo's answer, added up."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"^why: (\w+) over (\w+): ([^;\n]+)", readme, flags=re.M)
    assert found is not None
    parts = [(name, float(value)) for name, value in re.findall(r"(\w+) ([+-][\d.]+)", found[3])]
    order = {"prior": 0, "words": 1, "voice": 2, "face": 3}
    parts.sort(key=lambda part: order[part[0]])
    colours = {"prior": "currentColor", "words": WORDS, "voice": VOICE, "face": FACE}
    d = Drawing(720, 60 + 44 * (len(parts) + 1))
    zero, scale, total = 400.0, 150.0, 0.0
    d.text(zero - 8, 18, f"for {found[2]}", "end", soft=True, size=13)
    d.text(zero + 8, 18, f"for {found[1]}", soft=True, size=13)
    for i, (name, value) in enumerate([*parts, ("sum", 0.0)]):
        y = 30 + 44 * i
        d.text(0, y + 20, "sum: the lead" if name == "sum" else name, bold=name == "sum")
        begin, end = (0.0, total) if name == "sum" else (total, total + value)
        low, high = sorted((zero + begin * scale, zero + end * scale))
        faint = 0.45 if name == "prior" else 0.75
        d.rect(low, y, max(high - low, 2), 28, FUSED if name == "sum" else colours[name], faint)
        d.text(high + 8, y + 20, f"{end - begin:+.1f}")
        total = end if name != "sum" else total
    d.line([(zero, 24), (zero, 30 + 44 * len(parts) + 34)], opacity=0.5)
    d.text(zero, d.height - 6, "log-odds in nats", "middle", soft=True, size=13)
    return d


def length() -> Drawing:
    """The paper's weights over the length of a clip."""
    d, at = _chart((0, 120), (0, 0.7), "length of the clip in seconds", "weight")
    seconds = [i / 2 for i in range(200)] + [99.99, 100.0, 120.0]
    for name, colour in (("text", WORDS), ("voice", VOICE), ("face", FACE)):
        values = [(s, length_weights(s)[name]) for s in seconds]
        for side in ([v for v in values if v[0] < 100], [v for v in values if v[0] >= 100]):
            offset = 1.5 if name == "text" and side[0][0] < 100 else 0.0
            points = [at(*v) for v in side]
            d.line([(x, y - offset) for x, y in points], colour, 2.5)
        x, y = at(101, length_weights(120)[name])
        d.text(x + 4, y - 8, {"text": "words"}.get(name, name), bold=True)
    x, y = at(60, length_weights(60)["text"])
    d.text(x, y + 24, "words and face", "middle", soft=True, size=13)
    return d


def confidence() -> Drawing:
    """Share of right words against the confidence of speech recognition."""
    text = (RESULTS / "asr_confidence.md").read_text(encoding="utf-8")
    table = text.split("Recordings by the mean confidence")[1]
    rows = re.findall(r"^\| [\d.]+ to .*$", table, flags=re.M)
    d, at = _chart((0, 1), (0, 1), "mean confidence of the words", "share of right words")
    d.line([at(0, 0), at(1, 1)], opacity=0.4, dashed=True)
    points = []
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        points.append(at(float(cells[6]), float(cells[5])))
    d.line(points, WORDS, 2)
    for point in points:
        d.dot(*point, WORDS)
    x, y = at(0.52, 0.52)
    d.text(x + 14, y + 26, "perfectly calibrated", soft=True, size=13)
    return d


def unheard() -> Drawing:
    """UAR of the voice on speakers and on corpora that it has not heard."""
    manifest = json.loads((ROOT / "src/mien/embedded/voice/pack.json").read_text())
    metrics = {one["set"]: one for one in manifest["metrics"]}
    pairs = []
    for name, given in metrics.items():
        whole = re.fullmatch(r"(\w+), all of the corpus unheard", name)
        if whole:
            own = next(v for k, v in metrics.items() if re.match(rf"{whole[1]}, \d+ speakers", k))
            pairs.append((whole[1], own["uar"], given["uar"]))
    pairs.sort(key=lambda pair: -pair[2])
    d = Drawing(720, 74 + 34 * len(pairs))
    left, width = 110.0, 590.0
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = left + share * width
        d.line([(x, 30), (x, 36 + 34 * len(pairs))], opacity=0.15)
        d.text(x, d.height - 10, f"{share:g}", "middle", soft=True, size=13)
    for i, (name, own, strange) in enumerate(pairs):
        y = 50 + 34 * i
        d.text(0, y + 5, name)
        d.line([(left + strange * width, y), (left + own * width, y)], VOICE, 3, 0.35)
        d.dot(left + own * width, y, VOICE, hollow=True)
        d.dot(left + strange * width, y, VOICE, 5.5)
    d.dot(left + 8, 13, VOICE, 5.5)
    d.text(left + 20, 18, "whole corpus unheard: expect this", size=13)
    d.dot(left + 290, 13, VOICE, hollow=True)
    d.text(left + 302, 18, "only the speaker unheard", size=13)
    return d


CONDITIONS = (
    "clean", "light from a side", "low light: a twelfth, with noise", "out of focus, 1.6 px",
    "H.264 at 96 px, rate factor 40", "a hand at a cheek", "dark glasses", "16 px, enlarged",
    "a mask",
)  # fmt: skip


def conditions() -> Drawing:
    """Accuracy of the face net on degraded pictures."""
    rows = re.findall(
        r"^\| (.+?) \| [\d.]+ \|[^|]*\| ([\d.]+) \|",
        (RESULTS / "face_robustness.md").read_text(),
        re.M,
    )
    values = {name: float(value) for name, value in rows}
    d = Drawing(720, 16 + 32 * len(CONDITIONS))
    for i, name in enumerate(CONDITIONS):
        y = 8 + 32 * i
        d.text(0, y + 17, name, size=14)
        d.rect(250, y, 400 * values[name], 22, FACE, 0.65 if values[name] > 0.7 else 0.35)
        d.text(258 + 400 * values[name], y + 17, f"{values[name]:.2f}")
    return d


def absence() -> Drawing:
    """Rows with and without something to judge."""
    d = Drawing(720, 224)
    left, cell = 90, 157.5
    rows = (
        ("words", WORDS, ("joy .82", "", "neutral .61", "sadness .55"), "no speech"),
        ("voice", VOICE, ("joy .48", "", "neutral .66", "sadness .51"), "no speech"),
        ("face", FACE, ("joy .74", "neutral .80", "", ""), "no face in view"),
    )
    for r, (name, colour, said, reason) in enumerate(rows):
        y = 6 + 46 * r
        d.text(0, y + 24, name, bold=True)
        for c, label in enumerate(said):
            x = left + c * cell
            if label:
                d.rect(x, y, cell - 6, 36, colour, 0.25)
            else:
                d.hatch(x, y, cell - 6, 36)
            d.text(x + (cell - 6) / 2, y + 23, label or reason, "middle", soft=not label, size=14)
    d.text(0, 178, "fused", bold=True)
    used = ("words, voice, face", "face alone", "words, voice", "words, voice")
    for c, label in enumerate(used):
        d.rect(left + c * cell, 160, cell - 6, 36, FUSED, 0.3)
        d.text(left + c * cell + (cell - 6) / 2, 183, label, "middle", size=14)
    d.text(left, 218, "time, four segments", soft=True, size=13)
    return d


def perceive() -> Drawing:
    """What is found in sound and pictures, on one time axis."""
    d = Drawing(720, 250)
    left, scale = 120, 29.5
    turns = ((1.0, 5.5), (6.2, 9.4), (12.0, 17.6))

    def row(y: int, name: str, spans: Sequence[tuple[float, float, str]], colour: str) -> None:
        d.text(0, y + 17, name)
        for start, end, label in spans:
            d.rect(left + start * scale, y, (end - start) * scale - 2, 24, colour, 0.3)
            d.text(left + (start + end) / 2 * scale, y + 17, label, "middle", size=13)

    row(6, "speech turns", [(a, b, "") for a, b in turns], VOICE)
    row(44, "chunks", ((0.7, 9.7, "recognised at once"), (11.7, 17.9, "recognised at once")), VOICE)
    lines = (
        (1.0, 3.6, "a line"),
        (3.7, 5.5, "a line"),
        (6.2, 9.4, "a line"),
        (12.0, 17.6, "a line"),
    )
    row(82, "transcript", lines, WORDS)
    row(132, "shots", ((0, 8, "shot 1"), (8, 14, "shot 2"), (14, 20, "shot 3")), FACE)
    row(
        170,
        "face tracks",
        ((0.6, 8, "person 1"), (8, 14, "person 2"), (14, 19.5, "person 1")),
        FACE,
    )
    for second in range(0, 21, 5):
        x = left + second * scale
        d.line([(x, 0), (x, 206)], opacity=0.18)
        d.text(
            x,
            228,
            f"{second} s",
            "start" if not second else "end" if second == 20 else "middle",
            soft=True,
            size=13,
        )
    return d


def _chart(
    x_range: tuple[float, float], y_range: tuple[float, float], x_title: str, y_title: str
) -> tuple[Drawing, Callable[[float, float], tuple[float, float]]]:
    """A pair of axes, and the place of a value on them."""
    d = Drawing(720, 380)
    left, right, top, bottom = 60.0, 640.0, 34.0, 322.0

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - x_range[0]) / (x_range[1] - x_range[0])
        up = (y - y_range[0]) / (y_range[1] - y_range[0])
        return left + across * (right - left), bottom - up * (bottom - top)

    steps = 6 if x_range[1] == 120 else 5
    for i in range(steps + 1):
        value = x_range[0] + i * (x_range[1] - x_range[0]) / steps
        x, _ = at(value, 0)
        d.text(x, bottom + 22, f"{value:g}", "middle", soft=True, size=13)
    count = round((y_range[1] - y_range[0]) * (10 if y_range[1] < 1 else 5))
    for i in range(count + 1):
        value = y_range[0] + i * (y_range[1] - y_range[0]) / count
        x, y = at(x_range[0], value)
        d.line([(x, y), (right, y)], opacity=0.15)
        d.text(x - 8, y + 5, f"{value:.1f}", "end", soft=True, size=13)
    d.text((left + right) / 2, bottom + 48, x_title, "middle", soft=True)
    d.text(0, 18, y_title, soft=True)
    return d, at


FIGURES = {
    "pipeline": pipeline, "perceive": perceive, "segments": segments, "absence": absence,
    "explanation": explanation, "length": length, "confidence": confidence, "unheard": unheard,
    "conditions": conditions,
}  # fmt: skip


def main() -> int:
    """Write or check the drawings."""
    stale = []
    for name, draw in FIGURES.items():
        path, fresh = FOLDER / f"{name}.svg", draw().svg()
        if not path.is_file() or path.read_text(encoding="utf-8") != fresh:
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(fresh, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print(f"Out of date: {', '.join(stale)}; run 'python scripts/site_figures.py'.")
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
