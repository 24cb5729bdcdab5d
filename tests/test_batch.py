"""Many recordings in one command: what is found, what is written, what a failure costs."""

import csv
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from tests.console import mien as command
from tests.console import process

import mien
from mien.batch import table
from mien.batch.inputs import Input, find_clips, keep_names, output_name
from mien.batch.one import COLUMNS, analyze_clip, course_of
from mien.batch.page import page_html, sparkline
from mien.batch.pool import Pool
from mien.batch.run import Progress, Setup, run_batch
from mien.batch.state import STATES, States
from mien.batch.worker import one_core
from mien.errors import InputError, MienError, OptionError, PackError
from mien.options import Options

SILENT = Options(speech=mien.SpeechOptions(asr="none"))


def tone(path, seconds=0.5, level=0.0):
    """A recording without speech: silence or a tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    times = np.arange(int(seconds * 16000)) / 16000
    sound = (level * 32000 * np.sin(2 * np.pi * 220 * times)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(sound.tobytes())
    return path


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(given):
    return [one.name for one in find_clips([str(one) for one in given])]


def states(out):
    return [json.loads(line) for line in (out / STATES).read_bytes().splitlines()]


def finished(out):
    """The paths that were finished, once for each line."""
    return [line["finished"] for line in states(out) if "finished" in line]


# --- inputs ----------------------------------------------------------------------------------


def test_a_folder_is_searched_without_outputs_hidden_files_and_other_kinds(tmp_path):
    wanted = ["a.mp4", "b/a.MP4", "b/face.JPG", "b/c/d.wav"]
    other = [".a.mp4", "._b.wav", ".cache/x.mp4", "notes.txt", "a.srt", "table.csv", "noext"]
    own = ["clips/a.mp4.json", "clips/a.mp4.html", "clips.csv", "b/index.html", STATES]
    touch(*(tmp_path / name for name in (*wanted, *other, *own)))
    mien.analyze_text("Hello.").plot().savefig(tmp_path / "figure.png")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert names([tmp_path]) == wanted


def test_a_list_has_one_path_a_line_relative_to_here_or_to_the_list(tmp_path, monkeypatch):
    touch(
        tmp_path / "data" / "x y.mp4",
        tmp_path / "here" / "z.wav",
        tmp_path / "data" / "s" / "q.mp4",
    )
    listed = tmp_path / "data" / "all.txt"
    lines = ["\ufeffx y.mp4\r", "", "z.wav", str(tmp_path / "gone.mp4"), "x y.mp4", "s"]
    listed.write_text("\n".join(lines))
    monkeypatch.chdir(tmp_path / "here")
    assert names([listed]) == ["data/x y.mp4", "here/z.wav", "gone.mp4", "data/s/q.mp4"]
    listed.write_text("I am so happy today.\nReally.\n")
    with pytest.raises(InputError, match="names no file that exists"):
        names([listed])
    with pytest.raises(InputError, match="does not exist"):
        names(["none.txt"])


def test_a_glob_names_what_lies_below_its_fixed_part(tmp_path, monkeypatch):
    touch(
        *(
            tmp_path / name
            for name in ("d/1/a.mp4", "d/2/a.mp4", "d/2/b.txt", "d/[x].mp4", "d/2/a.json")
        )
    )
    monkeypatch.chdir(tmp_path)
    assert names(["d/*/*"]) == ["1/a.mp4", "2/a.mp4", "2/b.txt"]
    assert names(["d/**/*.mp4"]) == ["1/a.mp4", "2/a.mp4", "[x].mp4"]
    assert names(["d/[x].mp4"]) == ["[x].mp4"]  # a file of that name is no glob
    with pytest.raises(InputError, match="no recording or picture"):
        names(["d/*.mkv"])


def test_several_arguments_and_the_same_file_twice(tmp_path):
    touch(*(tmp_path / name for name in ("a/x.mp4", "b/x.mp4", "b/y.wav")))
    given = [tmp_path / "a", tmp_path / "b" / "y.wav", tmp_path / "b"]
    assert names(given) == ["a/x.mp4", "b/y.wav", "b/x.mp4"]


def test_names_that_cannot_be_written_are_distinct_and_can_be():
    bad = [
        os.fsdecode(b"n\xff.wav"),
        "n\\xff.wav",
        "n\n.wav",
        "n\\x0a.wav",
        os.fsdecode(b"n\xfe.wav"),
    ]
    long = ["é" * 120 + "1.wav", "é" * 120 + "2.wav"]
    found = [output_name(name) for name in (*bad, *long)]
    assert len(set(found)) == len(found)
    for name in found:
        assert len(name.encode("utf-8")) < 200
        assert name.isprintable()
    assert found[1] == bad[1]


def test_names_that_differ_in_case_only_and_names_of_an_earlier_run(tmp_path):
    touch(tmp_path / "A.mp4", tmp_path / "a.mp4")
    found = names([tmp_path])
    assert len({name.lower() for name in found}) == 2
    clips = [Input("/d/a/x.wav", "a/x.wav"), Input("/d/b/x.wav", "x.wav")]
    kept = keep_names(clips, {"/d/a/x.wav": "x.wav"})
    assert kept[0].name == "x.wav"
    assert kept[1].name.startswith("x.wav-")


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


# --- the pool --------------------------------------------------------------------------------


def play(what):
    """What the jobs of these tests do."""
    if what == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif what == "memory":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "exit":
        sys.exit(7)
    elif what == "hang":
        time.sleep(600)
    elif what == "raise":
        raise ValueError("planted")
    elif what == "pack":
        raise PackError("planted pack")
    return os.getpid()


def idle():
    pass


def test_a_worker_that_dies_or_hangs_costs_its_job_only():
    kinds = ["fine", "crash", "memory", "exit", "hang", "raise", "fine", "fine"]
    pool = Pool(play, idle, workers=2, timeout=1)
    found = {o.job: o for o in pool.run([(i, (kind,)) for i, kind in enumerate(kinds)])}
    assert sorted(found) == list(range(len(kinds)))
    reasons = [found[i].reason for i in range(len(kinds))]
    assert "SIGSEGV" in reasons[1]
    assert "SIGKILL" in reasons[2]
    assert "memory" in reasons[2]
    assert "code 7" in reasons[3]
    assert "longer than 1 s" in reasons[4]
    assert "ValueError: planted" in reasons[5]
    assert all(found[i].value and not found[i].reason for i in (0, 6, 7))
    assert found[0].value != os.getpid()


def test_a_worker_is_used_again_and_none_is_left():
    pool = Pool(play, idle, workers=1)
    pids = {o.value for o in pool.run([(i, ("fine",)) for i in range(4)])}
    assert len(pids) == 1
    with pytest.raises(MienError, match="planted pack"):
        list(pool.run([(0, ("pack",))]))
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


def threads():
    import cv2
    from threadpoolctl import threadpool_info

    from mien.packs import Pack

    return [cv2.getNumThreads(), Pack.threads, *(one["num_threads"] for one in threadpool_info())]


def test_a_worker_uses_one_thread_in_each_library():
    found = next(Pool(threads, one_core, 1).run([(0, ())]))
    assert found.reason == ""
    assert len(found.value) > 2
    assert set(found.value) == {1}


def test_stop_finishes_what_is_under_way():
    done = []
    for outcome in Pool(play, idle, 1).run([(i, ("fine",)) for i in range(9)], lambda: bool(done)):
        done.append(outcome.job)
    assert done == [0]


# --- states ----------------------------------------------------------------------------------


def test_states_survive_a_torn_line_and_notice_what_changed(tmp_path):
    with States(tmp_path, resume=False) as kept:
        kept.begin("/a", "a", {"file": 1})
        kept.finish("/a", {"file": 1}, {"state": "done"})
        kept.begin("/b\udcff", "b", {"file": 2})
        with pytest.raises(OptionError, match="Another batch"):
            States(tmp_path, resume=True)
    whole = (tmp_path / STATES).read_bytes()
    for cut in range(len(whole)):
        (tmp_path / STATES).write_bytes(whole[:cut])
        with States(tmp_path, resume=True) as again:
            again.begin("/c", "c", {"file": 3})
        with States(tmp_path, resume=True) as again:
            assert again.begun("/c", {"file": 3})
            known = again.row("/a", {"file": 1})
            assert known == ({"state": "done"} if whole[:cut].count(b"\n") >= 3 else None)
    (tmp_path / STATES).write_bytes(whole)
    with States(tmp_path, resume=True) as again:
        assert again.row("/a", {"file": 9}) is None
        assert again.changed("/a", {"file": 9})
        assert again.begun("/b\udcff", {"file": 2})
    with pytest.raises(OptionError, match="--resume"):
        States(tmp_path, resume=False)
    (tmp_path / STATES).write_text('{"mien-batch":99}\n')
    with pytest.raises(InputError, match="version"):
        States(tmp_path, resume=True)


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
    parquet = pytest.importorskip("pyarrow.parquet")
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
        (("--window", 0), "window"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_written(tmp_path, words, match):
    tone(tmp_path / "a.wav")
    done = process("batch", tmp_path, "--out", tmp_path / "out", *words)
    assert done.returncode == 2
    assert match in done.stderr
    assert not (tmp_path / "out").exists()


def test_every_option_of_an_analysis_is_one_of_a_batch():
    import typer

    from mien.cli import app
    from mien.options import described

    group = typer.main.get_command(app)
    own = {param.opts[0] for param in group.commands["batch"].params}
    assert {one.flag for one in described().values() if one.flag} <= own
    assert {"--text", "--voice", "--face", "--preset"} <= own


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
    playwright = pytest.importorskip("playwright.sync_api")
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


# --- kills -----------------------------------------------------------------------------------


def start(folder, out, *words):
    kept = {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "PATH", "HOME")}
    return subprocess.Popen(
        [sys.executable, "-m", "mien", "batch", str(folder), "--out", str(out), "--asr", "none",
         "--workers", "2", "--resume", *words],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=kept,
        start_new_session=True,
    )  # fmt: skip


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.slow
def test_a_batch_killed_at_many_moments_loses_and_repeats_nothing(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(24):
        tone(folder / f"{i % 3}" / f"{i}.wav", 1 + i / 10, level=0.5)
    (folder / "bad.wav").write_bytes(b"nothing")
    rng, written, kills = np.random.default_rng(0), {}, 0
    for share in (0, 1, 3, 4, 7, 9, 12, 15, 18, 21, 24):
        run = start(folder, out)
        until(lambda n=share, run=run: len(finished_so_far(out)) >= n or run.poll() is not None)
        time.sleep(rng.uniform(0, 0.3))
        os.killpg(run.pid, signal.SIGKILL)
        kills += run.wait() == -signal.SIGKILL
        run.stderr.close()
        for path in (out / "clips").rglob("[!.]*.json"):
            stamp = path.stat().st_mtime_ns
            json.loads(path.read_text())  # whole, at any moment
            assert written.setdefault(path, stamp) == stamp, f"{path} was made twice"
        print(f"killed with {len(finished_so_far(out))} of 25 finished, {len(written)} written")
    assert kills >= 8
    last = start(folder, out)
    told = last.communicate(timeout=120)[1]
    assert last.returncode == 2, told
    lines = finished(out)
    assert len(lines) == len(set(lines)) == 25
    for path, stamp in written.items():
        assert path.stat().st_mtime_ns == stamp
    with (out / table.CSV).open() as file:
        found = {Path(r["path"]).name: r for r in csv.DictReader(file)}
    assert len(found) == 25
    for i in range(24):
        assert float(found[f"{i}.wav"]["duration"]) == pytest.approx(1 + i / 10, abs=0.01)
    assert not list((out / "clips").rglob(".*"))


def _lines(out, start):
    if not (out / STATES).exists():
        return []
    lines = (out / STATES).read_bytes().split(b"\n")[:-1]
    return [line for line in lines if line.startswith(start)]


def finished_so_far(out):
    """As ``finished``, while another process writes."""
    return _lines(out, b'{"finished"')


@pytest.mark.slow
def test_ctrl_c_finishes_the_clips_under_way_and_tells_how_to_go_on(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(30):
        tone(folder / f"{i}.wav", 2, level=0.5)
    run = start(folder, out)
    until(lambda: len(finished_so_far(out)) >= 2)
    os.killpg(run.pid, signal.SIGINT)  # as a terminal does, to workers too
    told = run.communicate(timeout=60)[1]
    assert run.returncode == 130, told
    assert "Continue with --resume" in told
    begun = [line for line in states(out) if "begun" in line]
    assert len(begun) == len(finished(out)) < 30
    assert "to do (--resume)" in (out / "index.html").read_text()


@pytest.mark.slow
def test_workers_end_with_a_parent_that_was_killed_alone(tmp_path):
    folder, out = tmp_path / "in", tmp_path / "out"
    for i in range(8):
        tone(folder / f"{i}.wav", 20, level=0.5)
    run = start(folder, out)
    until(lambda: len(_lines(out, b'{"begun"')) >= 2)
    group = run.pid
    run.kill()
    run.wait()
    run.stderr.close()

    def gone():
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        return False

    until(gone, 20)


@pytest.mark.slow
def test_a_timeout_on_the_command_line_costs_one_clip(tmp_path, demo_clip):
    folder, out = tmp_path / "in", tmp_path / "out"
    tone(folder / "short.wav")
    tone(folder / "long.wav", 3000, level=0.5)
    done = command("batch", folder, "--out", out, "--asr", "none", "--timeout", 6, "--by", "window")
    assert done.returncode == 2
    found = {line["finished"]: line["row"] for line in states(out) if "finished" in line}
    assert found[str(folder / "short.wav")]["state"] == "done"
    assert "longer than 6 s" in found[str(folder / "long.wav")]["reason"]


def test_reports_are_linked_and_by_windows(tmp_path):
    clip, out = tone(tmp_path / "a #1.wav"), tmp_path / "out"
    done = process("batch", clip, "--out", out, "--asr", "none", "--reports", "--step", 0.1)
    assert (done.returncode, done.stderr.count("\n")) == (0, 2), done.stderr
    found = next(line["row"] for line in states(out) if "row" in line)
    written = json.loads((out / found["json"]).read_text())
    assert written["provenance"]["options"]["segmentation"]["by"] == "window"
    assert "a%20%231.wav" in (out / found["report"]).read_text()  # the recording, linked
    assert 'href="clips/a%20%231.wav.html"' in (out / "index.html").read_text()
