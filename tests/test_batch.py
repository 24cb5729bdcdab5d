"""Many recordings in one command: the row of a clip, the results, progress, and the page."""

import csv
import json
import os
import pickle
import time
from pathlib import Path

import pytest

import mien
from mien.batch import table
from mien.batch.beside import Beside
from mien.batch.one import COLUMNS, analyze_clip, course_of
from mien.batch.page import page_html, sparkline
from mien.batch.run import Progress, Setup, run_batch
from mien.batch.state import STATES
from mien.errors import MienError, MissingExtraError, PackError
from mien.options import Options
from tests.batches import SILENT, finished, states, tone
from tests.console import process

# --- one clip --------------------------------------------------------------------------------


def test_one_clip_is_a_function_that_can_be_pickled(tmp_path):
    function, options = pickle.loads(pickle.dumps((analyze_clip, SILENT)))
    target, page = tmp_path / "deep" / "er" / "a.json", tmp_path / "a.html"
    row = function(str(tone(tmp_path / "a.wav")), options, str(target), str(page))
    assert row["state"] == "done"
    assert row["absent"]
    assert row["label"] == ""
    assert mien.Analysis.from_dict(json.loads(target.read_text())).clip.duration == 0.5
    assert "<html" in page.read_text()
    assert json.loads(json.dumps(row)) == row


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no recording at all", None])
def test_a_bad_file_is_a_row_with_its_reason(tmp_path, content):
    path, target = tmp_path / "bad.wav", tmp_path / "bad.json"
    if content is not None:
        path.write_bytes(content)
    row = analyze_clip(str(path), SILENT, str(target))
    assert row["state"] == "failed"
    assert "bad.wav" in row["reason"]
    assert not target.exists()


def test_what_every_clip_would_fail_with_is_raised(tmp_path):
    lost = Options(branches={"voice": {"pack": str(tmp_path / "none")}})
    with pytest.raises(PackError):
        analyze_clip(str(tone(tmp_path / "a.wav")), lost)
    with pytest.raises(MienError, match="none"):
        run_batch([str(tmp_path)], Setup(tmp_path / "out", lost, workers=1))


def test_the_course_is_the_mean_over_equal_steps():
    analysis = mien.analyze_text("I am so happy!\nThis is awful.\nThis is awful.")
    one = course_of(analysis)
    assert len(one) == 1
    expected = [round(100 * p) for p in analysis.fused.probs[0].tolist()]
    assert one[0] == expected


# --- a whole batch ---------------------------------------------------------------------------


def test_a_batch_writes_a_json_a_clip_one_table_and_a_page(tmp_path, monkeypatch):
    folder, out = tmp_path / "in", tmp_path / "out"
    odd = os.fsdecode(b"n\xff.wav")
    for name in ("a.wav", "sub/a.wav", odd):
        tone(folder / name)
    (folder / "bad.wav").write_bytes(b"nothing")
    done = process("batch", folder, "--out", out, "--asr", "none", "--workers", 1)
    assert done.returncode == 2, done.stderr
    assert "1 of 4 could not be analysed" in done.stderr
    assert "4 of 4 clips, 1 failed" in done.stderr
    with (out / table.CSV).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert [row["state"] for row in rows] == ["done", "failed", "done", "done"]
    assert "bad.wav" in rows[1]["reason"]
    for row in rows:
        assert bool(row["json"]) == (row["state"] == "done")
        if row["json"]:
            assert json.loads((out / row["json"]).read_text())["clip"]["duration"] == 0.5
    parquet = pytest.importorskip(
        "pyarrow.parquet", reason="pyarrow is not installed (extra 'export')"
    )
    typed = parquet.read_table(out / table.PARQUET).to_pylist()
    assert [row["clip"] for row in typed] == [row["clip"] for row in rows]
    assert typed[0]["duration"] == 0.5
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "3 of 4 clips analysed" in page
    assert "n%5Cxff.wav-" in page

    # Nothing is repeated; what is new, changed or wanted otherwise is analysed.
    before = finished(out)
    setup = Setup(out, SILENT, workers=1, resume=True)
    assert len(run_batch([str(folder)], setup).rows) == 4
    assert finished(out) == before
    tone(folder / "a.wav", 0.75)
    tone(folder / "new.wav")
    (out / "clips" / "sub" / "a.wav.json").unlink()
    told = []
    found = run_batch([str(folder)], setup, lambda p: told.append((p.kept, p.done, p.changed)))
    again = sorted(Path(path).name for path in finished(out)[len(before) :])
    assert again == ["a.wav", "a.wav", "new.wav"]
    assert (told[0], told[-1]) == ((2, 0, 1), (2, 3, 1))
    assert found.rows[0]["duration"] == 0.75
    before = finished(out)
    run_batch([str(folder)], Setup(out, SILENT, workers=1, resume=True, retry=True))
    assert [Path(path).name for path in finished(out)[len(before) :]] == ["bad.wav"]
    other = Options(speech=mien.SpeechOptions(asr="none"), end=0.25)
    run_batch([str(folder)], Setup(out, other, workers=1, resume=True))
    assert len(finished(out)) == len(before) + 1 + 5


SUBTITLES = "1\n00:00:00,000 --> 00:00:00,400\nI am so happy.\n"
TURNS = "".join(f"SPEAKER {one} 1 0.1 0.3 <NA> <NA> Ann <NA> <NA>\n" for one in "ab")
WITH = [
    ("a.srt", SUBTITLES, mien.SpeechOptions()),
    ("a.rttm", TURNS, mien.SpeechOptions(asr="none")),
    ("who.rttm", TURNS, mien.SpeechOptions(asr="none", speakers="who.rttm")),
]


@pytest.mark.parametrize(("name", "content", "speech"), WITH)
def test_a_clip_is_analysed_again_if_a_file_that_is_read_with_it_was_changed(
    tmp_path, monkeypatch, name, content, speech
):
    monkeypatch.chdir(tmp_path)
    folder, out = tmp_path, tmp_path / "out"
    clips = [str(tone(folder / clip)) for clip in ("a.wav", "b.wav")]
    beside = folder / name
    if name == "who.rttm":
        beside.write_text(content.replace(" 0.1 ", " 0.2 "))
    setup = Setup(out, Options(speech=speech), workers=1, resume=True)
    run_batch(clips, setup)

    def again():
        before = len(finished(out))
        run_batch(clips, setup)
        return {Path(path).name for path in finished(out)[before:]}

    of_it = {"a.wav", "b.wav"} if name == "who.rttm" else {"a.wav"}
    assert again() == set()
    beside.write_text(content)
    assert again() == of_it
    assert again() == set()
    beside.write_text(content + "\n")
    assert again() == of_it
    if name != "who.rttm":
        beside.unlink()
        assert again() == of_it
    assert again() == set()


def test_each_folder_is_listed_once_and_what_cannot_be_listed_is_nothing(tmp_path, monkeypatch):
    for i in range(200):
        (tmp_path / f"talk{i}.wav").touch()
        (tmp_path / f"talk{i}.en.srt").touch()
    (tmp_path / "TALK7.rttm").touch()
    listed = []
    real = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: listed.append(path) or real(path))
    beside = Beside(Options())
    found = [beside.state(str(tmp_path / f"talk{i}.wav")) for i in range(200)]
    assert listed == [tmp_path]
    assert [Path(name).name for name in found[7]] == ["talk7.en.srt", "TALK7.rttm"]
    assert [Path(name).name for name in found[70]] == ["talk70.en.srt"]
    assert beside.state("/nowhere/at/all.wav") == {}
    assert beside.state("a\0b/c.wav") == {}
    assert beside.state(f"/nowhere/{'a' * 251}.wav") == {}


def test_a_result_whose_line_was_lost_is_taken_up_and_not_repeated(tmp_path):
    clip, out = tone(tmp_path / "in" / "a.wav"), tmp_path / "out"
    setup = Setup(out, SILENT, workers=1, resume=True)
    first = run_batch([str(clip)], setup).rows[0]
    lines = (out / STATES).read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    (out / STATES).write_bytes(b"".join(lines[:2]))
    target = out / first["json"]
    torn = target.with_name(".a.wav-_1a2b3c4.json")
    torn.write_text("{")
    stamp = target.stat().st_mtime_ns
    again = run_batch([str(clip)], setup).rows[0]
    assert target.stat().st_mtime_ns == stamp
    assert not torn.exists()
    assert {**again, "seconds": 0} == {**first, "seconds": 0}


@pytest.mark.parametrize("content", ["{}", "[" * 100_000, "null", '{"schema": "mien.analysis/3"}'])
def test_a_damaged_result_whose_line_was_lost_is_analysed_again(tmp_path, content):
    clip, out = tone(tmp_path / "in" / "a.wav"), tmp_path / "out"
    setup = Setup(out, SILENT, workers=1, resume=True)
    first = run_batch([str(clip)], setup).rows[0]
    lines = (out / STATES).read_bytes().splitlines(keepends=True)
    (out / STATES).write_bytes(b"".join(lines[:2]))
    (out / first["json"]).write_text(content)
    again = run_batch([str(clip)], setup).rows[0]
    assert again["state"] == "done"
    assert mien.Analysis.from_dict(json.loads((out / first["json"]).read_text()))


def test_a_clip_whose_output_cannot_be_written_is_a_row(tmp_path):
    clip, out = tone(tmp_path / "a.wav"), tmp_path / "out"
    (out / "clips" / "a.wav.json").mkdir(parents=True)
    rows = run_batch([str(clip)], Setup(out, SILENT, workers=1)).rows
    assert rows[0]["state"] == "failed"


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("--timeout", 0), "--timeout cannot be 0"),
        (("--retry",), "--retry needs --resume"),
        (("--report-media", "film"), "--report-media cannot be 'film'"),
        (("--words", "a.srt"), "--words"),
        (("--engine", "spark"), "--engine cannot be 'spark'; choose one of: local, ray"),
        (("--ray-address", "auto"), "--ray-address needs --engine ray"),
        (("--window", 0), "window"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_written(tmp_path, words, match):
    tone(tmp_path / "a.wav")
    done = process("batch", tmp_path, "--out", tmp_path / "out", *words)
    assert done.returncode == 2
    assert match in done.stderr
    assert not (tmp_path / "out").exists()


def test_without_ray_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("mien.batch.ray_cluster.find_spec", lambda name: None)
    tone(tmp_path / "a.wav")
    with pytest.raises(MissingExtraError, match=r"--engine ray needs .*mien\[ray\]"):
        run_batch([str(tmp_path)], Setup(tmp_path / "out", SILENT, engine="ray"))


def test_every_option_of_an_analysis_is_one_of_a_batch():
    import typer

    from mien.cli import app
    from mien.options import described

    group = typer.main.get_command(app)
    own = {param.opts[0] for param in group.commands["batch"].params}
    assert {one.flag for one in described().values() if one.flag} <= own
    assert {"--text", "--voice", "--face", "--preset"} <= own


def test_reports_are_linked_and_by_windows(tmp_path):
    clip, out = tone(tmp_path / "a #1.wav"), tmp_path / "out"
    done = process("batch", clip, "--out", out, "--asr", "none", "--reports", "--step", 0.1)
    assert (done.returncode, done.stderr.count("\n")) == (0, 2), done.stderr
    found = next(line["row"] for line in states(out) if "row" in line)
    written = json.loads((out / found["json"]).read_text())
    assert written["provenance"]["options"]["segmentation"]["by"] == "window"
    assert "a%20%231.wav" in (out / found["report"]).read_text()  # the recording, linked
    assert 'href="clips/a%20%231.wav.html"' in (out / "index.html").read_text()


# --- progress and page -----------------------------------------------------------------------


def test_progress_tells_throughput_and_the_time_left():
    progress = Progress(10, started=time.monotonic() - 60)
    for _ in range(2):
        progress.count({"state": "done"}, before=True)
    for state in ("done", "done", "failed"):
        progress.count({"state": state, "duration": 100.0})
    assert progress.left == pytest.approx(60 * 5 / 3, rel=0.01)
    assert progress.words() == (
        "5 of 10 clips, 1 failed, 3 clips a minute, 5.0 times real time, about 2 min left"
    )


def row(**more):
    return {"clip": "a.wav", "path": "/a.wav", "state": "done", "kind": "recording", "label": "joy",
            "duration": 5.0, "confidence": 0.5, "absent": "", "json": "clips/a #1?.json",
            "course": [[0, 0, 0, 100, 0, 0, 0]], "reason": "", **more}  # fmt: skip


def test_names_and_reasons_never_become_markup():
    evil = "<script>alert(1)</script>\"'&@@rows@@"
    page = page_html(
        [row(clip=evil), row(state="failed", reason=evil), row(label="", absent=evil)], 4
    )
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;alert(1)") == 3
    assert 'href="clips/a%20%231%3F.json"' in page
    assert "1 to do" in page


def test_a_sparkline_has_an_area_for_each_share_and_gaps():
    drawn = sparkline([[0, 0, 0, 75, 25, 0, 0], None, [0, 0, 0, 0, 100, 0, 0]])
    assert '<path class="joy" d="M0 0H72V27H0z"/>' in drawn
    assert '<path class="neutral" d="M0 27H72V36H0zM144 0H216V36H144z"/>' in drawn
    assert drawn.count("<path") == 2
    assert "Over time: joy, nothing, neutral" in drawn


@pytest.mark.slow
def test_the_page_obeys_its_policy_sorts_and_filters_in_a_browser(tmp_path):
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (extra 'dev')"
    )
    rows = [row(clip=f"{i}.wav", confidence=c) for i, c in enumerate((0.5, 0.9, 0.1))]
    rows.append(row(clip="bad.wav", state="failed", reason="broken"))
    (tmp_path / "index.html").write_text(page_html(rows, 4), encoding="utf-8")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page, told = browser.new_page(), []
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.goto((tmp_path / "index.html").as_uri())
        page.click("text=Probability")
        order = page.locator("tbody th").all_text_contents()
        page.fill("#filter", "broken")
        left = page.locator("tbody tr:visible th").all_text_contents()
        colour = page.locator("path.joy").first.evaluate("e => getComputedStyle(e).fill")
        browser.close()
    assert order == ["2.wav", "0.wav", "1.wav", "bad.wav"]
    assert left == ["bad.wav"]
    assert colour == "rgb(248, 174, 20)"
    assert told == []
