"""The page of the service trusts nobody, is reached by everybody, and is one with the report."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed (extra 'dev')")

from tests.page_service import (
    CHROMIUM,
    begin,
    call,
    done,
    given,
    opened,
    planted_job,
    press,
    saved,
    service,
    submitted,
    until,
)
from tests.pages import runs_an_added_script

import mien.report.page as report
from mien import server

EVIL = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


# --- it trusts nobody --------------------------------------------------------------------------


@pytest.mark.slow
def test_names_words_coders_and_notes_run_no_script(browser, url):
    job = planted_job(url, f"{EVIL}.mp4", lines=[EVIL, "x"])
    failed = submitted(url, f"f{EVIL}.mp4", json.dumps({"fail": EVIL}).encode())
    done(url, failed)
    coding = call(url, f"/v1/jobs/{job}/codings", {"coder": EVIL[:80]})
    code = {"row": 0, "label": "joy", "note": EVIL}
    call(url, f"/v1/jobs/{job}/codings/{coding['id']}", {"codes": [code]}, "PATCH")
    views = ("#/", f"#/job/{job}", f"#/job/{job}/coding", f"#/job/{failed}", "#/agreement")
    views += (f"#/compare?a={job}", f"#/search?q={EVIL[:30]}", f"#/{EVIL}", f"#/job/{EVIL}")
    with opened(browser, url) as page:
        for number, view in enumerate(views):
            page.goto(f"{url}/?{number}{view}")  # a new document each
            page.wait_for_selector("html[data-ready]")
            page.wait_for_timeout(150)
            assert page.evaluate("window.hacked") is None, view
            assert page.locator("img[src=x]").count() == 0
        page.goto(f"{url}/#/job/{job}/coding")
        page.get_by_role("button", name="Go on as").click()
        page.wait_for_selector("#coding-as")
        assert page.inner_text("#coding-as") == EVIL[:80]
        page.locator("#rows .line").first.click()
        assert page.input_value("#note") == EVIL
        page.goto(f"{url}/#/search?q=onerror")
        page.wait_for_selector("mark")
        assert EVIL in page.inner_text(".hits")
        assert page.evaluate("window.hacked") is None
    for one in (job, failed):
        call(url, f"/v1/jobs/{one}", method="DELETE")


@pytest.mark.slow
def test_the_policy_of_the_page_runs_nothing_that_is_added_and_asks_nobody(browser, url):
    with opened(browser, url, complaints=False) as page:
        assert not runs_an_added_script(page)
        assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'yes', () => 'no')") == "no"
        policy = page.evaluate("fetch('/').then(r => r.headers.get('content-security-policy'))")
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


@pytest.mark.slow
def test_a_key_is_asked_for_and_frames_and_players_work_with_it(browser, film, tmp_path):
    state = tmp_path / "state"
    made = [sys.executable, "-m", "mien", "serve", "keys", "add", "anna", "--folder", str(state)]
    key = subprocess.run(made, capture_output=True, text=True, check=True).stdout.strip()
    asked = {"ready": "#key[open]", "complaints": False}
    with service(state) as running, opened(browser, running.url, **asked) as page:
        page.fill("#key-input", "wrong")
        page.keyboard.press("Enter")
        page.wait_for_selector("#key-wrong:visible")
        page.fill("#key-input", key)
        page.keyboard.press("Enter")
        page.wait_for_selector("#empty:visible")
        page.set_input_files("#files", [str(film)])
        page.locator(".job.completed").wait_for(timeout=30_000)
        page.click(".job h2 a")
        frame = page.frame_locator("iframe.report")
        frame.locator("html[data-ready]").wait_for(timeout=30_000)
        page.click(".tabs a >> text=Coding by hand")
        until(page, "document.querySelector('video')?.readyState >= 2")
        assert page.evaluate("sessionStorage.getItem('mien-key')") == key
        # One that is too large for the page of the report is linked, and plays there, too.
        large = submitted(running.url, "large.mov", film.read_bytes(), key)
        done(running.url, large, key)
        page.goto(f"{running.url}/#/job/{large}")
        player = page.frame_locator("iframe.report").locator("video")
        player.wait_for(timeout=30_000)
        assert "media?ticket=" in player.get_attribute("src")
        inside = "document.querySelector('iframe').contentDocument"
        until(page, f"{inside}.querySelector('video').readyState >= 2")
        assert page.evaluate("JSON.stringify(localStorage)").count(key) == 0


# --- it is readable and reached by everybody ----------------------------------------------------


def axe(page):
    """What axe-core finds, in the page and its frame."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        (
            one["id"],
            [node["target"] for node in one["nodes"]][:4],
            one["nodes"][0].get("failureSummary"),
        )
        for one in found
    ]


# What reaches beyond the right edge and cannot be scrolled to in a box of its own.
WIDER = """width => document.documentElement.scrollWidth <= width ? [] :
  [...document.querySelectorAll('body *')]
    .filter((node) => node.getBoundingClientRect().right > width + 1)
    .filter((node) => !node.closest('.scroll > *'))
    .map((node) => `${node.tagName}.${node.className}#${node.id} ${node.textContent.slice(0, 40)}`)
"""


def prepared(page, view):
    """Open what a view has folded."""
    if view.endswith("coding"):
        page.get_by_role("button", name="Go on as Anna").click()
        page.wait_for_selector("#coding-as")
        page.check("#see-others")
        page.wait_for_selector(".other")
    for menu in page.locator("details").all():
        menu.evaluate("node => { node.open = true; }")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_runs_over(browser, url, job, theme):
    long = "a name without any space that goes on_and_on_" * 4 + ".mp4"
    other = planted_job(url, long, lines=["word" * 60, "x"])
    failed = submitted(url, f"failed-{long}", json.dumps({"fail": "x" * 300}).encode())
    done(url, failed)
    for coder, label in (("Anna", "joy"), ("Ben" * 20, "fear")):
        coding = call(url, f"/v1/jobs/{job}/codings", {"coder": coder})["id"]
        codes = [
            {"row": i, "label": label if i % 3 else "none", "note": "n" * 300} for i in range(6)
        ]
        call(url, f"/v1/jobs/{job}/codings/{coding}", {"codes": codes}, "PATCH")
    views = [
        "#/",
        f"#/job/{job}",
        f"#/job/{job}/coding",
        f"#/job/{other}/coding"[:-7],
        "#/agreement",
    ]
    views += [f"#/compare?a={job}&b={other}", "#/search?q=line", f"#/job/{failed}", "#/lost"]
    for width in (400, 900, 1440):
        for view in views:
            with opened(browser, url, view, width, theme=theme) as page:
                prepared(page, view)
                page.wait_for_timeout(250)
                assert page.evaluate(WIDER, width) == [], (view, width)
                assert axe(page) == [], (view, width, theme)
    for one in (other, failed):
        call(url, f"/v1/jobs/{one}", method="DELETE")


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_banners_and_dialogs_are_readable_too(browser, url, job, theme):
    with opened(browser, url, theme=theme, width=400, notice=True) as page:
        page.wait_for_selector("#notice:visible")
        page.click("#notice summary")
        assert "article 50" in page.inner_text("#notice").lower()
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.click("#notice button")
        page.reload()
        page.wait_for_selector(".job")
        assert page.is_hidden("#notice")
        page.get_by_role("button", name="Delete a film.mp4").click()
        page.wait_for_selector("#confirm[open]")
        assert page.evaluate("document.activeElement.id") == "confirm-no"
        assert axe(page) == []
        page.keyboard.press("Escape")
        assert call(url, f"/v1/jobs/{job}")["state"] == "completed"


@pytest.mark.slow
def test_a_chosen_theme_holds_and_the_report_follows_it(browser, url, job):
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, url, f"#/job/{job}", theme="light") as page:
        frame = page.frame_locator("iframe.report")
        frame.locator("html[data-ready]").wait_for()
        light = page.evaluate(ground)
        page.check("#theme input[value=dark]", force=True)
        dark = page.evaluate(ground)
        assert dark != light
        assert frame.locator("body").evaluate("b => getComputedStyle(b).backgroundColor") == dark
        page.reload()
        page.wait_for_selector("html[data-ready]")
        assert page.evaluate(ground) == dark
        frame.locator("html[data-ready][data-theme=dark]").wait_for()


@pytest.mark.slow
def test_everything_is_reached_by_the_tab_key(browser, url, job):
    with opened(browser, url) as page:
        seen = []
        for _ in range(30):
            page.keyboard.press("Tab")
            seen.append(
                page.evaluate("document.activeElement.id || document.activeElement.textContent")
            )
        for wanted in ("q", "choose", "Options", "a film.mp4", "Code", "Delete"):
            assert wanted in seen, (wanted, seen)


@pytest.mark.slow
def test_many_rows_are_coded_without_delay(browser, url):
    job = planted_job(url, "long.mp4", seconds=7200)
    with opened(browser, url, f"#/job/{job}/coding") as page:
        assert page.locator("#rows .line").count() == 2879
        begin(page, "Anna")
        began = page.evaluate("performance.now()")
        press(page, "12345671234567123456")
        spent = page.evaluate("performance.now()") - began
        saved(page)
        assert len(given(url, job, "Anna")) == 20
        assert spent < 20 * 250, f"{spent / 20:.0f} ms a label"
    call(url, f"/v1/jobs/{job}", method="DELETE")


# --- it is one product with the report -----------------------------------------------------------


def test_the_page_and_the_report_share_their_tokens():

    from mien import server

    def tokens(path):
        text = path.read_text(encoding="utf-8")
        found = {}
        for block in text.split("}"):
            head, _, body = block.rpartition("{")
            if ":root" in head:
                theme = "dark" if "light]" in head or "=dark" in head else "light"
                pairs = [p.split(":", 1) for p in body.split(";") if p.strip().startswith("--")]
                found.setdefault(theme, {}).update({a.strip(): b.strip() for a, b in pairs})
        return found

    own = tokens(Path(server.__file__).parent / "page" / "base.css")
    theirs = tokens(Path(report.__file__).parent / "assets" / "page.css")
    assert set(theirs) == {"light", "dark"}
    for theme, values in theirs.items():
        assert len(values) > 8
        assert {name: own[theme].get(name) for name in values} == values


def test_no_file_of_the_page_names_another_origin(url):
    from pathlib import Path

    files = [p for p in (Path(server.__file__).parent / "page").iterdir() if p.is_file()]
    assert len(files) > 10
    for path in files:
        found = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", path.read_text(encoding="utf-8"))
        assert [one for one in found if "www.w3.org" not in one] == [], path.name
    page = call(url, "/").decode()
    names = re.findall(r'(?:src|href)="(/page/[^"]+)"', page)
    assert len(names) >= 6
    for name in names:
        assert not isinstance(call(url, name), tuple), name
