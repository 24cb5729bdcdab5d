"""The report as a file: what is in it, what cannot be in it, and how it is asked for."""

import itertools
import json
import re
import subprocess
from base64 import b64decode, b64encode
from dataclasses import replace
from hashlib import sha256
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from mien.analysis.analysis import Analysis
from mien.analysis.wire import json_text
from mien.emotions import MIEN7
from mien.errors import InputError, OptionError
from mien.report.colours import EMOTIONS, contrast, ink
from mien.report.page import NO_MEDIA, PageMedia, page_html, page_media, save_page
from mien.report.page import media as media_module
from mien.timebase import Segment
from tests.console import mien as command
from tests.pages import SILENCE, one_row, planted

EVIL = "</script><script>window.hacked = 1</script><img src=x onerror='hacked=1'>"


def payload(page):
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(text)


# --- the file ------------------------------------------------------------------------------


def test_the_data_of_the_page_are_those_of_the_analysis():
    analysis = planted()
    data = payload(page_html(analysis))
    tracks = {track["id"]: track for track in data["tracks"]}
    probs = np.reshape(tracks["fused"]["p"], (-1, 7)) / 1000
    assert np.allclose(probs, analysis.fused.probs, atol=0.0006)
    smooth = np.reshape(tracks["fused"]["s"], (-1, 7)) / 1000
    assert np.allclose(smooth, analysis.smoothed["fused"].probs, atol=0.0006)
    absent = [data["reasons"][r] for r in tracks["voice"]["r"] if r >= 0]
    assert absent == [SILENCE] * int((~analysis.by_branch["voice"].present).sum())
    assert tracks["text"]["name"] == "words"
    assert data["name"] == "clip.mp4"
    assert "somewhere" not in page_html(analysis)
    assert [e["kind"] for e in data["events"]] == [e.kind for e in analysis.events]
    assert len(data["explanations"]) == len(analysis.segments)


def test_the_page_of_an_analysis_and_of_its_json_are_the_same():
    plain = planted()
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(7), len(plain.segments))
    # To six decimals and then to three it is one more than to three at once.
    fine_one = np.floor(probs[:, 0] * 500) / 1000 + 0.0005 - 1e-8
    probs[:, 1] += probs[:, 0] - fine_one
    probs[:, 0] = fine_one
    quality = np.nextafter(rng.integers(0, 100, len(probs)) / 100 + 0.005, 0)
    spoken = tuple(Segment(s.start, s.start + 1 / 3) for s in plain.segments[:7])
    summaries = tuple(replace(s, judged=s.judged + 1 / 3) for s in plain.summaries)
    fused = replace(plain.fused, probs=probs, quality=quality)
    fine = replace(plain, fused=fused, speech=spoken, summaries=summaries)
    read = Analysis.from_dict(json.loads("".join(json_text(fine))))
    assert page_html(fine) == page_html(read)


def test_nothing_from_the_recording_becomes_markup():
    page = page_html(planted(name=f"{EVIL.replace('/', '|')}.mp4", lines=(EVIL, "@@media@@")))
    assert page.count("<script") == 3
    assert page.count("</script>") == 3
    assert "<img src=x" not in page
    texts = [line[2] for line in payload(page)["transcript"]["lines"]]
    assert texts == [EVIL, "@@media@@"]


def test_the_policy_names_the_hashes_of_what_is_there_and_nothing_of_a_network():
    page = page_html(planted())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    script = page[page.rindex("<script>") + 8 : page.rindex("</script>")]
    style = re.findall(r"<style>(.*?)</style>", page, re.S)[0]
    for text, rule in ((script, "script-src"), (style, "style-src")):
        digest = b64encode(sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"
    assert rules["default-src"] == rules["connect-src"] == "'none'"
    assert rules["media-src"] == "blob:"
    assert "http" not in policy


def test_no_address_of_a_network_is_loaded_by_the_page():
    page = page_html(planted())
    markup = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert "http" not in markup.replace("http-equiv", "")
    assert "url(" not in markup


def test_the_licence_of_the_chart_library_travels_with_it():
    page = page_html(planted())
    assert "Copyright (c) 2022 Leon Sorokin" in page
    assert "uPlot" in page


def test_colours_stay_apart_for_colour_blind_readers_and_text_on_them_is_readable():
    # Machado, Oliveira and Fernandes (2009), severity 1; OKLab after Ottosson (2020).
    sight = {
        "all": np.eye(3),
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                   [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
    }  # fmt: skip
    lms = np.array([[0.4122214708, 0.5363325363, 0.0514459929],
                    [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])  # fmt: skip
    lab = np.array([[0.2104542553, 0.7936177850, -0.0040720468],
                    [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])  # fmt: skip
    coded = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in EMOTIONS.values()])
    linear = np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)
    for who, matrix in sight.items():
        seen = np.clip(linear @ np.array(matrix).T, 0, 1)
        places = np.cbrt(seen @ lms.T) @ lab.T
        nearest = min(np.linalg.norm(a - b) for a, b in combinations(places, 2))
        assert nearest > 0.11, who
    assert tuple(EMOTIONS) == MIEN7.labels
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert all(contrast(colour, ink(colour)) >= 4.5 for colour in EMOTIONS.values())


# --- the recording in it -------------------------------------------------------------------


def test_a_recording_is_embedded_linked_or_left_out(tmp_path, monkeypatch):
    clip = tmp_path / "media" / "a clip #1.mp4"
    clip.parent.mkdir()
    clip.write_bytes(b"abc")
    page = tmp_path / "pages" / "out.html"
    embedded = page_media(clip, "embed", page)
    assert b64decode(embedded.content) == b"abc"
    assert embedded.type == "video/mp4"
    linked = page_media(clip, "link", page)
    assert linked == PageMedia("video/mp4", link="../media/a%20clip%20%231.mp4")
    assert page_media(clip, "none", page) == page_media(None, "embed", page) == NO_MEDIA
    assert page_media(clip, "auto", page) == embedded
    monkeypatch.setattr(media_module, "AUTO_LIMIT", 2)
    assert page_media(clip, "auto", page) == linked
    monkeypatch.setattr(media_module, "EMBED_LIMIT", 2)
    with pytest.raises(OptionError, match="--report-media link"):
        page_media(clip, "embed", page)


def test_media_that_cannot_be_had_are_refused(tmp_path):
    with pytest.raises(OptionError, match="auto, embed, link, none"):
        page_media(None, "inline", None)
    with pytest.raises(InputError, match="no file"):
        page_media(tmp_path / "no.mp4", "link", None)


# --- how it is asked for -------------------------------------------------------------------


def test_the_page_is_rebuilt_from_the_analysis_without_the_recording(tmp_path):
    analysis = planted()
    (tmp_path / "a.json").write_text(analysis.to_json())
    run = command("report", tmp_path / "a.json", tmp_path / "a.html")
    assert run.returncode == 0, run.stderr
    data = payload((tmp_path / "a.html").read_text())
    assert data["media"] == {"type": "", "link": "", "embedded": False}
    assert len(data["portraits"]) == len(analysis.portraits)
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"abc")
    run = command(
        "report", tmp_path / "a.json", tmp_path / "b.html", "--media", clip,
        "--report-media", "link",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert payload((tmp_path / "b.html").read_text())["media"]["link"] == "clip.mp4"


def test_analyze_writes_the_page_by_windows_with_the_clip_in_it(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("What a wonderful day!")
    run = command("analyze", path, "--report", tmp_path / "a.html", "--json", tmp_path / "a.json")
    assert run.returncode == 0, run.stderr
    assert payload((tmp_path / "a.html").read_text())["kind"] == "text"
    options = json.loads((tmp_path / "a.json").read_text())["provenance"]["options"]
    assert options["segmentation"]["by"] == "window"
    assert options["portraits"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--report", "a.txt"), "The suffix of --report"),
        (("--report", "nowhere/a.html"), "--report cannot be written"),
        (("--report", "a.html", "--report-media", "inline"), "auto, embed, link, none"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_the_work(tmp_path, words, said):
    path = tmp_path / "words.txt"
    path.write_text("hello")
    run = command("analyze", path, *words)
    assert run.returncode == 2
    assert said in run.stderr
    assert "anger" not in run.stdout


def test_python_gives_the_page_as_text_and_as_a_file(tmp_path):
    analysis = planted()
    analysis.save_report(tmp_path / "a.html")
    assert (tmp_path / "a.html").read_text() == analysis.to_html() == page_html(analysis)
    save_page(one_row("text"), tmp_path / "b.html")
    assert payload((tmp_path / "b.html").read_text())["segments"] == [[0.0, 0.0]]


def test_the_card_of_a_notebook_shows_the_course_over_time():
    value = planted()
    card = value._repr_html_()
    (course,) = re.findall(r"over time</th>(.*?)</tr>", card)
    # Joy, then sadness from the middle on, said by the words; the smoothed rows are shown.
    shown = re.findall(r'title="(\w+)" style="flex:([\d.]+)', course)
    smoothed = value.smoothed["fused"]
    tops = [smoothed.top(i) for i in range(len(smoothed.segments))]
    assert [label for label, _ in shown] == [label for label, _ in itertools.groupby(tops)]
    assert (shown[0][0], shown[-1][0]) == ("joy", "sadness")
    assert sum(float(share) for _, share in shown) == pytest.approx(1.0, abs=0.01)
    assert "over time" not in one_row("text")._repr_html_()
    assert "bars: the first" in value[2:4]._repr_html_()
    assert "bars: the first" not in card
    long = planted(7200.0, 2.5, lines=("a",), faces=0)._repr_html_()
    assert len(long) < 40_000


def test_a_notebook_shows_a_small_card_in_which_everything_is_escaped():
    card = planted(name="<b>x.mp4")._repr_html_()
    assert len(card) < 8000
    assert "<b>x.mp4" not in card
    assert "&lt;b&gt;x.mp4" in card
    assert "<script" not in card
    for word in ("words", "voice", "face", "fused", "joy", "not what a person feels"):
        assert word in card
    sizes = [int(size) for size in re.findall(r"font-size:(\d+)px", card)]
    assert min(sizes) >= 12


def test_the_wheel_carries_what_the_page_is_made_of():
    package = Path(media_module.__file__).parent
    names = {p.relative_to(package).as_posix() for p in package.rglob("*") if p.is_file()}
    assert {"vendor/uplot/uPlot.iife.min.js", "vendor/uplot/LICENSE", "assets/page.html"} <= names
    root = Path(__file__).resolve().parents[1]
    ignored = subprocess.run(
        ["git", "check-ignore", *(str(package / n) for n in sorted(names) if ".pyc" not in n)],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ignored.stdout == ""
