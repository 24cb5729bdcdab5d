"""The page of the service in a real Chromium, from upload to export."""

import csv
import json
import time
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")
pytest.importorskip("playwright", reason="playwright is not installed (extra 'dev')")

from sklearn.metrics import cohen_kappa_score
from tests.page_service import (
    CHROMIUM,
    begin,
    call,
    downloaded,
    given,
    opened,
    planted_job,
    press,
    saved,
    service,
    submitted,
    until,
)
from tests.serving import Serving

from mien.emotions import MIEN7

NOTHING = "\u2013"
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


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
        for part in ("0:05.0\u20130:06.0", "second line", "model: ", "label: neutral"):
            assert part in name
        until(page, "document.querySelector('#said').textContent.includes('Row 11: neutral')")


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


KEYS = {"Anna": "44556644551", "Ben": "44556444051"}
LABELS = {  # key 0 is the last of the names
    coder: [(*MIEN7.labels, "none")[int(key) - 1] for key in keys] for coder, keys in KEYS.items()
}


@pytest.mark.slow
def test_from_upload_to_export(browser, demo_clip, tmp_path):
    with Serving(tmp_path / "state") as running, opened(browser, running.url) as page:
        watched_upload(page, demo_clip)
        page.click(".job h2 a")
        frame = page.frame_locator("iframe.report")
        frame.locator("html[data-ready]").wait_for(timeout=60_000)
        assert "demo.mp4" in frame.locator("h1").inner_text()
        assert frame.locator(".lane").count() > 3
        page.click(".tabs a >> text=Coding by hand")
        coded_by_two(page)
        exports_hold_both(page)
        found_again(page)
        deleted(page, running.url)
        assert list((tmp_path / "state" / "jobs").iterdir()) == []


def watched_upload(page, clip):
    assert "No recordings yet" in page.inner_text("#empty")
    page.click("#drop summary")
    page.fill("#o-window", "1")
    page.fill("#o-step", "0.5")
    page.set_input_files("#files", [str(clip)])
    seen = set()
    end = time.monotonic() + 120
    while not page.locator("a.strip-link").count():
        assert time.monotonic() < end
        seen |= set(page.locator(".job .state").all_inner_texts())
        page.wait_for_timeout(50)
    assert any("%" in text for text in seen), seen
    until(page, "document.querySelector('canvas.strip').getAttribute('aria-label') !== null")


def coded_by_two(page):
    page.wait_for_selector("#rows .line")
    assert page.locator("#rows .line").count() == 11
    begin(page, "Anna")
    press(page, KEYS["Anna"])
    saved(page)
    page.click("#stop")
    begin(page, "Ben")
    # The first coder's labels are not shown.
    assert NOTHING in page.locator("#rows .line .mine").first.inner_text()
    press(page, KEYS["Ben"])
    saved(page)
    until(page, "document.querySelectorAll('#agreement .table tbody tr').length >= 3")
    page.wait_for_timeout(1000)  # the figures of the last label
    kappa = page.locator("#agreement .kappa").first.inner_text()
    expected = cohen_kappa_score(LABELS["Anna"], LABELS["Ben"])
    assert float(kappa) == pytest.approx(expected, abs=0.006)


def exports_hold_both(page):
    file = downloaded(page, "CSV: rows and labels")
    assert file.suggested_filename == "demo.csv"
    lines = Path(file.path()).read_text(encoding="utf-8").splitlines()
    table = [row for row in csv.DictReader(lines) if row["branch"] == "coder"]
    assert [r["top"] or "none" for r in table if r["coder"] == "Ben"] == LABELS["Ben"]
    eaf = Xml.parse(downloaded(page, "ELAN").path()).getroot()
    tiers = {tier.get("TIER_ID"): tier for tier in eaf.iter("TIER")}
    values = [one.text for one in tiers["coder Anna"].iter("ANNOTATION_VALUE")]
    assert values == LABELS["Anna"]
    assert "fused" in tiers


def found_again(page):
    page.fill("#q", "happy")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hits li")
    assert page.inner_text("mark") == "happy"
    page.click(".hits li a")
    page.wait_for_selector("#rows .line[aria-current]")


def deleted(page, url):
    (one,) = call(url, "/v1/jobs")["jobs"]
    page.click(".acts >> text=Delete")
    page.wait_for_selector("#confirm[open]")
    assert "the labels of 2 coders" in page.inner_text("#confirm-text")
    page.click("#confirm-no")
    assert call(url, f"/v1/jobs/{one['id']}")["state"] == "completed"
    page.click(".acts >> text=Delete")
    page.click("#confirm-yes")
    page.wait_for_selector("#empty:visible")
    assert call(url, f"/v1/jobs/{one['id']}")[0] == 404


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
              for (const [name, text] of Object.entries(files)) {
                data.items.add(new File([text], name));
              }
              const drop = new DragEvent('drop', { dataTransfer: data, bubbles: true });
              document.querySelector('#drop').dispatchEvent(drop);
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
        first.locator(".stage >> text=recognising speech").wait_for()
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
        assert not page.locator("#agreement details").evaluate("node => node.open")
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
        until(page, "document.querySelector('#agreement').innerText.includes('2 of 4 rows')")
        page.goto(f"{url}/#/agreement")
        page.wait_for_selector(".view-agreement .kappa")
        assert "Anna and Ben" in page.inner_text("#view")


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
