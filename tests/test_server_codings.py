"""Coding by hand over HTTP: labels are kept, compared, exported, searched, and deleted."""

import csv
import json
import threading
from xml.etree import ElementTree as Xml

import pytest

pytest.importorskip("fastapi", reason="the extra 'server' is not installed")

from sklearn.metrics import cohen_kappa_score

from mien.analysis.analysis import Analysis
from mien.coding import Coding, read_codings
from tests.page_service import call, planted_job, service, submitted


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("codings") / "state"


@pytest.fixture(scope="module")
def url(state):
    with service(state, "--workers", "2") as running:
        yield running.url


@pytest.fixture(scope="module")
def job(url):
    return planted_job(url, "talk.mp4", seconds=6, lines=["What a DAY", "it  was"])


def begun(url, job, coder):
    return call(url, f"/v1/jobs/{job}/codings", {"coder": coder})


def label(url, job, coding, *codes):
    codes = [dict(zip(("row", "label", "note", "seen"), code, strict=False)) for code in codes]
    return call(url, f"/v1/jobs/{job}/codings/{coding}", {"codes": codes}, "PATCH")


def test_labels_are_kept_beside_the_answers_and_found_again(url, job, state):
    before = call(url, f"/v1/jobs/{job}/result")
    anna = begun(url, job, " Anna ")
    assert (anna["coder"], anna["codes"], len(anna["segments"])) == ("Anna", [], 11)
    summary = label(
        url, job, anna["id"], (0, "joy"), (2, "none", "unclear", ["model"]), (3, "fear")
    )
    assert (summary["coded"], summary["rows"]) == (3, 11)
    label(url, job, anna["id"], (3, None), (0, "anger"))
    again = begun(url, job, "anna")  # in another case: the same coder
    assert again["id"] == anna["id"]
    told = [(c["row"], c["label"], c["note"], c["seen"]) for c in again["codes"]]
    assert told == [(0, "anger", "", []), (2, "none", "unclear", ["model"])]
    assert call(url, f"/v1/jobs/{job}/result") == before
    # The file is a coding of the library, of exactly this analysis.
    (file,) = (state / "jobs" / job / "codings").glob("*.json")
    analysis = Analysis.from_dict(before)
    assert Coding.load(file).of(analysis).coder == "Anna"
    call(url, f"/v1/jobs/{job}/codings/{anna['id']}", method="DELETE")
    assert call(url, f"/v1/jobs/{job}/codings") == {"codings": []}


def test_the_list_of_coders_tells_no_label(url, job):
    coding = begun(url, job, "Blind")
    label(url, job, coding["id"], (0, "joy"))
    (one,) = call(url, f"/v1/jobs/{job}/codings")["codings"]
    assert set(one) == {"id", "coder", "coded", "rows", "changed"}
    call(url, f"/v1/jobs/{job}/codings/{coding['id']}", method="DELETE")


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([(0, "joy"), (11, "joy")], "11 rows"),
        ([(0, "happy")], "label"),
        ([(-1, "joy")], "row"),
        ([(0, "joy", "x" * 4001)], "note"),
        ([], "codes"),
    ],
)
def test_what_cannot_be_is_refused_whole(url, job, codes, said):
    coding = begun(url, job, "Refused")["id"]
    status, error = label(url, job, coding, *codes)
    assert status == 422
    assert said in error["message"]
    assert call(url, f"/v1/jobs/{job}/codings/{coding}")["codes"] == []


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 81, "\u202e"])
def test_a_coder_needs_a_name(url, job, name):
    assert begun(url, job, name)[0] == 422


def test_what_is_not_there_is_not_found(url, job):
    assert call(url, f"/v1/jobs/{job}/codings/{'0' * 16}")[0] == 404
    assert label(url, job, "0" * 16, (0, "joy"))[0] == 404
    assert call(url, f"/v1/jobs/{'0' * 32}/codings")[0] == 404
    assert call(url, f"/v1/jobs/{job}/codings/..%2f..%2fanalysis")[0] in (404, 422)


def test_what_is_not_completed_has_no_rows(url):
    failed = submitted(
        url, "bad.mp4", b'{"fail": "bad.mp4 is damaged; export it again.", "wait": 1}'
    )
    for path in ("rows", "codings", "agreement"):
        status, error = call(url, f"/v1/jobs/{failed}/{path}")
        assert (status, error["type"]) == (409, "NotCompleted")


def test_labels_that_are_given_at_the_same_time_are_all_kept(url, job):
    coding = begun(url, job, "Many")["id"]
    given = [threading.Thread(target=label, args=(url, job, coding, (i, "joy"))) for i in range(11)]
    for one in given:
        one.start()
    for one in given:
        one.join()
    assert len(call(url, f"/v1/jobs/{job}/codings/{coding}")["codes"]) == 11
    call(url, f"/v1/jobs/{job}/codings/{coding}", method="DELETE")


def test_agreement_and_exports_hold_both_coders(url, tmp_path):
    job = planted_job(url, "both.mp4", seconds=6)
    labels = {"Anna": ["joy", "joy", "fear", "none"], "Ben": ["joy", "anger", "fear", "joy"]}
    for coder, given in labels.items():
        label(url, job, begun(url, job, coder)["id"], *enumerate(given))
    begun(url, job, "Nobody")  # began and gave nothing
    found = call(url, f"/v1/jobs/{job}/agreement")["agreements"]
    assert [(a["first"], a["second"], a["model"]) for a in found] == [
        ("Anna", "Ben", False), ("Anna", "model", True), ("Ben", "model", True),
    ]  # fmt: skip
    assert found[0]["kappa"] == pytest.approx(cohen_kappa_score(*labels.values()))
    analysis = Analysis.from_dict(call(url, f"/v1/jobs/{job}/result"))
    answers = [analysis.fused.top(i) for i in range(4)]
    assert found[1]["kappa"] == pytest.approx(cohen_kappa_score(labels["Anna"], answers))
    pairs = call(url, "/v1/agreement")["agreements"]
    (pooled,) = [a for a in pairs if (a["first"], a["second"]) == ("Anna", "Ben")]
    assert pooled["n"] == 4

    both = call(url, f"/v1/jobs/{job}/result?format=csv&codings=true").decode()
    rows = [row for row in csv.DictReader(both.splitlines()) if row["branch"] == "coder"]
    assert [row["top"] for row in rows if row["coder"] == "Ben"][:4] == labels["Ben"]
    assert "coder" not in call(url, f"/v1/jobs/{job}/result?format=csv").decode()
    eaf = Xml.fromstring(call(url, f"/v1/jobs/{job}/result?format=eaf&codings=true"))
    tiers = {tier.get("TIER_ID"): tier for tier in eaf.iter("TIER")}
    values = [one.text for one in tiers["coder Anna"].iter("ANNOTATION_VALUE")]
    assert values == labels["Anna"]
    assert "coder Nobody" not in tiers
    whole = call(url, f"/v1/jobs/{job}/result?format=json&codings=true")
    (tmp_path / "both.json").write_text(json.dumps(whole))
    assert [one.coder for one in read_codings(tmp_path / "both.json")] == ["Anna", "Ben"]
    # A format that has no place for them is exported without.
    assert call(url, f"/v1/jobs/{job}/result?format=srt&codings=true").startswith(b"1")


def test_the_transcripts_of_all_jobs_are_searched_and_forgotten(url, job):
    def hits(words):
        found = call(url, f"/v1/search?q={words}")
        return [(hit["job"], hit["text"]) for hit in found["hits"]]

    assert hits("what%20a%20day") == [(job, "What a DAY")]
    assert hits("it%20was") == [(job, "it  was")]
    assert hits("nowhere%20said") == []
    assert hits("%20") == []
    assert call(url, "/v1/search?q=")[0] == 422
    other = planted_job(url, "gone.mp4", seconds=6, lines=["STRASSE und day"])
    assert hits("stra%C3%9Fe") == [(other, "STRASSE und day")]
    assert {found for found, _ in hits("day")} == {job, other}
    assert len(call(url, "/v1/search?q=day&limit=1")["hits"]) == 1
    call(url, f"/v1/jobs/{other}", method="DELETE")
    assert hits("stra%C3%9Fe") == []


def test_rows_and_strips_hold_the_answers(url, job):
    rows = call(url, f"/v1/jobs/{job}/rows")
    analysis = Analysis.from_dict(call(url, f"/v1/jobs/{job}/result"))
    assert rows["answers"] == [analysis.fused.top(i) for i in range(11)]
    assert rows["segments"][1] == [0.5, 1.5]
    assert [rows["texts"][0], rows["texts"][-1]] == ["What a DAY", "it  was"]
    strip = call(url, f"/v1/jobs/{job}/rows?points=3")
    assert len(strip["own"]) == 3
    assert strip["own"][0][0] == 0.0
    assert strip["own"][-1][1] == 6.0
    for point in range(3):
        assert sum(strip["probs"][7 * point : 7 * point + 7]) == pytest.approx(1000, abs=4)


def test_a_deleted_job_takes_its_labels_along(url, state):
    job = planted_job(url, "gone.mp4", seconds=6)
    label(url, job, begun(url, job, "Anna")["id"], (0, "joy"))
    folder = state / "jobs" / job
    assert list(folder.glob("codings/*.json"))
    call(url, f"/v1/jobs/{job}", method="DELETE")
    assert not folder.exists()
    assert begun(url, job, "Anna")[0] == 404


@pytest.mark.slow
def test_jobs_of_another_key_are_not_there(tmp_path):
    with service(tmp_path / "keyed") as running:
        url = running.url
        free = planted_job(url, "free.mp4", seconds=6, lines=["secret words"])
        import subprocess
        import sys

        made = [sys.executable, "-m", "mien", "serve", "keys", "add"]
        keys = [
            subprocess.run([*made, name, "--folder", str(tmp_path / "keyed")], capture_output=True,
                           text=True, check=True).stdout.strip()
            for name in ("one", "two")
        ]  # fmt: skip
        for path in ("/v1/search?q=secret", "/v1/agreement", f"/v1/jobs/{free}/codings"):
            assert call(url, path)[0] == 401
        # The first key takes over what was made without one.
        assert len(call(url, "/v1/search?q=secret", key=keys[0])["hits"]) == 1
        assert call(url, "/v1/search?q=secret", key=keys[1])["hits"] == []
        assert call(url, f"/v1/jobs/{free}/rows", key=keys[1])[0] == 404
