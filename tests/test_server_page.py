"""The page of the service in a real Chromium, from upload to export."""

import csv
import json
import subprocess
import sys
import time
from xml.etree import ElementTree as Xml

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed (extra 'dev')")

from sklearn.metrics import cohen_kappa_score
from tests.page_service import (
    CHROMIUM,
    call,
    done,
    opened,
    planted_job,
    service,
    short_clip,
    submitted,
)
from tests.serving import Serving

from mien.emotions import MIEN7

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
EVIL = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as p:
        quiet = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        running = p.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield running
        running.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with service(tmp_path_factory.mktemp("page") / "state", "--workers", "2") as running:
        yield running.url


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return short_clip(tmp_path_factory.mktemp("film") / "a film.mp4")


@pytest.fixture(scope="module")
def job(url, film):
    """A recording that a browser plays, with planted answers."""
    made = submitted(url, "a film.mp4", film.read_bytes())
    assert done(url, made)["state"] == "completed"
    return made


def until(page, condition, arg=None):
    """Wait for a condition; the page's policy forbids what playwright's own waiting does."""
    end = time.monotonic() + 30
    while not page.evaluate(condition, arg):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(30)


def press(page, keys):
    for key in keys:
        page.keyboard.press(key)


def begin(page, name):
    page.fill("#coder", name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#coding-as")
    assert page.inner_text("#coding-as") == name


def saved(page):
    until(page, "document.querySelector('#saved').textContent === 'saved'")


def given(url, job, coder):
    """The labels of a coder that the server has, by row."""
    for one in call(url, f"/v1/jobs/{job}/codings")["codings"]:
        if one["coder"] == coder:
            codes = call(url, f"/v1/jobs/{job}/codings/{one['id']}")["codes"]
            return {code["row"]: code["label"] for code in codes}
    return {}


def forget(url, job):
    for one in call(url, f"/v1/jobs/{job}/codings")["codings"]:
        call(url, f"/v1/jobs/{job}/codings/{one['id']}", method="DELETE")


def downloaded(page, text):
    page.click(".menu summary")
    with page.expect_download() as found:
        page.get_by_role("button", name=text).click()
    page.keyboard.press("Escape")
    return found.value


# --- coding by the keyboard ----------------------------------------------------------------


def test_rows_are_coded_by_the_keyboard_alone(browser, url, job):
    with opened(browser, url, f"#/job/{job}/coding") as page:
        begin(page, "Anna")
        assert page.inner_text("#now-title") == "Row 1 of 11"
        press(page, "1230")
        press(page, ["j", "7", "k", "Backspace", "ArrowUp", "4"])
        assert page.inner_text("#now-title") == "Row 6 of 11"
        press(page, ["k", "n"])
        page.keyboard.type("a note 1")
        press(page, ["Enter", "End", "5"])
        saved(page)
        labels = MIEN7.labels
        coded = {0: labels[0], 1: labels[1], 2: labels[2], 3: "none", 4: labels[3], 10: labels[4]}
        assert given(url, job, "Anna") == coded
        assert page.inner_text("#tally") == "6 of 11 rows"
        assert "joy" in page.locator("#rows .line").nth(4).inner_text()
        assert "a note 1" in page.locator("#rows .line").nth(4).inner_text()
        # What a reader of the screen hears of a row: time, words, the answer, the label.
        name = page.locator("#rows .line").nth(10).text_content()
        for part in ("0:05.0–0:06.0", "second line", "model: ", "label: neutral"):
            assert part in name
        until(page, "document.querySelector('#said').textContent.includes('Row 11: neutral')")
    forget(url, job)


def test_space_plays_the_row_and_stops_at_its_end(browser, url, job):
    with opened(browser, url, f"#/job/{job}/coding") as page:
        until(page, "document.querySelector('video').readyState >= 2")
        page.locator("#rows .line").nth(4).click()
        until(page, "Math.abs(document.querySelector('video').currentTime - 2.01) < 0.1")
        page.keyboard.press("Space")
        until(page, "document.querySelector('video').currentTime > 2.4")
        until(page, "document.querySelector('video').paused")
        at = page.evaluate("document.querySelector('video').currentTime")
        assert at == pytest.approx(3.0, abs=0.25)


# --- from upload to export -----------------------------------------------------------------


@pytest.mark.slow
def test_from_upload_to_export(browser, demo_clip, tmp_path):
    with Serving(tmp_path / "state") as running, opened(browser, running.url) as page:
        url = running.url
        assert "No recordings yet" in page.inner_text("#empty")
        page.click("#drop summary")
        page.fill("#o-window", "1")
        page.fill("#o-step", "0.5")
        page.set_input_files("#files", [str(demo_clip)])
        seen = set()
        end = time.monotonic() + 120
        while not page.locator("a.strip-link").count():
            assert time.monotonic() < end
            seen |= set(page.locator(".job .state").all_inner_texts())
            page.wait_for_timeout(50)
        assert any("%" in text for text in seen), seen
        until(page, "document.querySelector('canvas.strip').getAttribute('aria-label') !== null")
        page.click(".job h2 a")
        frame = page.frame_locator("iframe.report")
        frame.locator("html[data-ready]").wait_for(timeout=60_000)
        assert "demo.mp4" in frame.locator("h1").inner_text()
        assert frame.locator(".lane").count() > 3

        page.click(".tabs a >> text=Coding by hand")
        rows = page.locator("#rows .line").count()
        assert rows == 10
        anna, ben = "4455664455", "4455644405"
        begin(page, "Anna")
        press(page, anna)
        saved(page)
        page.click("#stop")
        begin(page, "Ben")
        # The first coder's labels are not shown, nor known to the page.
        assert "–" in page.locator("#rows .line .mine").first.inner_text()
        press(page, ben)
        saved(page)
        until(page, "document.querySelectorAll('#agreement tbody tr').length >= 3")
        kappa = page.locator("#agreement .kappa").first.inner_text()
        names = [*MIEN7.labels, "none"]
        labels = [[names[int(key) - 1] for key in keys] for keys in (anna, ben)]
        assert float(kappa) == pytest.approx(cohen_kappa_score(*labels), abs=0.006)

        file = downloaded(page, "CSV: rows and labels")
        assert file.suggested_filename == "demo.csv"
        with open(file.path(), encoding="utf-8") as text:  # noqa: PTH123
            table = [row for row in csv.DictReader(text) if row["branch"] == "coder"]
        assert [r["top"] or "none" for r in table if r["coder"] == "Ben"] == labels[1]
        eaf = Xml.parse(downloaded(page, "ELAN").path()).getroot()
        tiers = {tier.get("TIER_ID"): tier for tier in eaf.iter("TIER")}
        values = [one.text for one in tiers["coder Anna"].iter("ANNOTATION_VALUE")]
        assert values == labels[0]
        assert "fused" in tiers

        page.fill("#q", "happy")
        page.keyboard.press("Enter")
        page.wait_for_selector(".hits li")
        assert page.inner_text("mark") == "happy"
        page.click(".hits li a")
        page.wait_for_selector("#rows .line[aria-current]")
        (one,) = call(url, "/v1/jobs")["jobs"]
        page.click(".acts >> text=Delete")
        assert "the labels of 2 coders" in page.inner_text("#confirm-text")
        page.click("#confirm-no")
        page.click(".acts >> text=Delete")
        page.click("#confirm-yes")
        page.wait_for_selector("#empty:visible")
        assert call(url, f"/v1/jobs/{one['id']}")[0] == 404
        assert list((tmp_path / "state" / "jobs").iterdir()) == []


@pytest.mark.slow
def test_files_are_dropped_and_what_fails_says_why(browser, url):
    with opened(browser, url) as page:
        files = {
            "good.mp4": json.dumps({"lines": ["dropped words"], "wait": 1}),
            "bad.mp4": json.dumps({"fail": "bad.mp4 is damaged; export it again."}),
        }
        page.evaluate(
            """files => {
              const data = new DataTransfer();
              for (const [name, text] of Object.entries(files)) data.items.add(new File([text], name));
              document.querySelector('#drop').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true }));
            }""",
            files,
        )
        page.wait_for_selector(".job.failed >> text=export it again")
        good = page.locator(".job.completed", has_text="good.mp4")
        good.wait_for(timeout=30_000)
        assert (
            page.locator(".job.failed", has_text="bad.mp4").locator(".badge").inner_text()
            == "failed"
        )
        page.reload()
        page.wait_for_selector(".job.failed >> text=export it again")
    for one in call(url, "/v1/jobs")["jobs"]:
        if one["name"] in files:
            call(url, f"/v1/jobs/{one['id']}", method="DELETE")


@pytest.mark.slow
def test_what_the_server_refuses_can_be_sent_again(browser, url):
    with opened(browser, url, complaints=False) as page:
        page.click("#drop summary")
        page.fill("#o-start", "5")
        page.fill("#o-end", "2")
        page.set_input_files("#files", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": b"{}"})
        page.wait_for_selector("#sending .error")
        assert "end" in page.inner_text("#sending .error")
        page.click("#sending >> text=Remove")
        page.wait_for_selector("#sending .error", state="detached")


@pytest.mark.slow
def test_a_job_is_cancelled_and_one_that_waits_says_so(browser, tmp_path):
    with (
        service(tmp_path / "state", "--workers", "1") as running,
        opened(browser, running.url) as page,
    ):
        for name in ("first.mp4", "second.mp4"):
            submitted(running.url, name, b'{"wait": 60}')
        second = page.locator(".job", has_text="second.mp4")
        second.locator(".badge >> text=queued").wait_for()
        first = page.locator(".job", has_text="first.mp4")
        first.locator("progress").wait_for()
        assert "recognising speech" in first.inner_text()
        for job, button in ((second, "Cancel second.mp4"), (first, "Cancel first.mp4")):
            page.get_by_role("button", name=button).click()
            job.locator(".badge >> text=cancelled").wait_for()


# --- two coders, and the model --------------------------------------------------------------


@pytest.mark.slow
def test_a_second_coder_is_blind_until_the_first_is_asked_for(browser, url, job):
    with opened(browser, url, f"#/job/{job}/coding") as page:
        asked = []
        page.on("request", lambda request: asked.append((request.method, request.url)))
        begin(page, "Anna")
        press(page, "44444")
        saved(page)
        page.click("#stop")
        begin(page, "Ben")
        read = [u for method, u in asked if method == "GET" and "/codings/" in u]
        assert read == []
        assert not page.locator("#agreement details").get_attribute("open")
        page.uncheck("#see-model")
        assert "neutral" not in page.inner_text("#rows")
        assert "hidden" in page.inner_text(".now")
        press(page, "44")
        saved(page)
        page.check("#see-others")
        page.wait_for_selector(".other >> text=Anna")
        page.check("#see-model")
        page.locator("#rows .line").nth(2).focus()
        press(page, "55")
        saved(page)
        (ben,) = [c for c in call(url, f"/v1/jobs/{job}/codings")["codings"] if c["coder"] == "Ben"]
        codes = call(url, f"/v1/jobs/{job}/codings/{ben['id']}")["codes"]
        assert [code["seen"] for code in codes] == [
            [],
            [],
            ["model", "coders"],
            ["model", "coders"],
        ]
        found = call(url, f"/v1/jobs/{job}/agreement")["agreements"]
        assert found[0]["influenced"] == 2
        page.click("#agreement summary")
        assert "2 of 4 rows" in page.inner_text("#agreement .notes")
        page.goto(f"{url}/#/agreement")
        page.wait_for_selector(".view-agreement .kappa")
        assert "Anna and Ben" in page.inner_text("#view")
    forget(url, job)


@pytest.mark.slow
def test_labels_that_were_given_without_the_server_reach_it_later(browser, url, job):
    with opened(browser, url, f"#/job/{job}/coding", complaints=False) as page:
        begin(page, "Anna")
        page.route("**/v1/**", lambda route: route.abort())
        page.route("**/health", lambda route: route.abort())
        press(page, "123")
        until(page, "document.querySelector('#saved').textContent.includes('not saved yet')")
        assert page.is_visible("#offline")
        assert given(url, job, "Anna") == {}
        page.unroute("**/v1/**")
        page.unroute("**/health")
        saved(page)
        until(page, "document.querySelector('#offline').hidden")
        assert given(url, job, "Anna") == dict(enumerate(MIEN7.labels[:3]))
    forget(url, job)


# --- comparison ------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_recordings_are_compared_on_one_axis(browser, url, job):
    other = planted_job(url, "longer.mp4", seconds=12)
    with opened(browser, url) as page:
        for name in ("a film.mp4", "longer.mp4"):
            page.get_by_label(f"Choose {name} for a comparison").check()
        page.click("#chosen >> text=Compare")
        page.wait_for_selector(".lane canvas")
        assert page.input_value("#pick-a") in (job, other)
        assert page.locator(".lane canvas").count() == 4
        widths = page.locator(".lane .u-over").evaluate_all("all => all.map(o => o.clientWidth)")
        assert len(set(widths)) == 1
        assert page.get_attribute("#time", "max") == "12"
        page.fill("#time", "7")
        read = page.inner_text("#readout")
        assert "0:07.0" in read
        assert "nothing here" in read  # one of the two has ended
        page.fill("#shift", "2.5")
        page.locator("#shift").blur()
        assert page.get_attribute("#time", "max") in ("14.5", "12")
        page.select_option("#line", label="sadness")
        assert "sadness" in page.locator(".lane-name").last.inner_text()
        page.focus("#time")
        page.keyboard.press("ArrowRight")
        assert "B" in page.get_attribute("#time", "aria-valuetext")
    call(url, f"/v1/jobs/{other}", method="DELETE")


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
        for view in views:
            page.goto("about:blank")
            page.goto(f"{url}/{view}")
            page.wait_for_selector("html[data-ready]")
            page.wait_for_timeout(150)
            assert page.evaluate("window.hacked") is None, view
            assert page.locator("img[src=x]").count() == 0
        page.goto(f"{url}/#/job/{job}/coding")
        page.get_by_role("button", name="Go on as").click()
        page.wait_for_selector("#coding-as")
        assert page.inner_text("#coding-as") == EVIL[:80]
        assert EVIL in page.input_value("#note")
        page.goto(f"{url}/#/search?q=onerror")
        page.wait_for_selector("mark")
        assert EVIL in page.inner_text(".hits")
        assert page.evaluate("window.hacked") is None
    for one in (job, failed):
        call(url, f"/v1/jobs/{one}", method="DELETE")


@pytest.mark.slow
def test_the_policy_of_the_page_runs_nothing_that_is_added_and_asks_nobody(browser, url):
    with opened(browser, url, complaints=False) as page:
        page.evaluate("""() => {
          const node = document.createElement('script');
          node.textContent = 'window.hacked = 1';
          document.body.append(node);
        }""")
        assert page.evaluate("window.hacked") is None
        assert page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'yes', () => 'no')") == "no"
        policy = page.evaluate("fetch('/').then(r => r.headers.get('content-security-policy'))")
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy


@pytest.mark.slow
def test_a_key_is_asked_for_and_frames_and_players_work_with_it(browser, film, tmp_path):
    state = tmp_path / "state"
    made = [sys.executable, "-m", "mien", "serve", "keys", "add", "anna", "--folder", str(state)]
    key = subprocess.run(made, capture_output=True, text=True, check=True).stdout.strip()
    with service(state) as running, opened(browser, running.url, complaints=False) as page:
        page.wait_for_selector("#key[open]")
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
            with opened(browser, url, view, width, theme) as page:
                prepared(page, view)
                page.wait_for_timeout(250)
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)
                assert axe(page) == [], (view, width, theme)
    for one in (other, failed):
        call(url, f"/v1/jobs/{one}", method="DELETE")
    forget(url, job)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_banners_and_dialogs_are_readable_too(browser, url, job, theme):
    with opened(browser, url, theme=theme, width=400, complaints=False) as page:
        page.evaluate("localStorage.clear()")
        page.reload()
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
    from pathlib import Path

    import mien.report.page as report
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
    import re
    from pathlib import Path

    from mien import server

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
