"""Outputs: no file of the user's is replaced, and every file is written in one step."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import wave
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from mien import outputs
from mien.analysis.analysis import Analysis
from mien.cli import shared
from mien.clip_posteriors import KEPT
from mien.datasets.posteriors import COLUMNS as POSTERIORS
from mien.errors import OptionError, OutputError
from mien.outputs import check_output, is_own
from mien.report import figure
from mien.report.export import export
from mien.report.export.tables import inert
from mien.report.page import save_page
from mien.report.rows import COLUMNS
from mien.report.transcript import write_transcript
from mien.timebase import Segment
from mien.words import Line, Transcript
from tests.console import mien as command
from tests.pages import planted

HAND = "1\n00:00:00,200 --> 00:00:01,000\nWritten by a person.\n"
MARKED = (
    "a.json", "a.csv", "a.boris.csv", "a.srt", "a.vtt", "a.eaf", "a.emotionml",
    "a.labelstudio.json", "a.parquet", "a.png", "a.svg", "a.pdf",
)  # fmt: skip
UNMARKED = ("a.TextGrid", "a.rttm")


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(samples.tobytes())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_wav(tmp_path / "talk.wav", np.zeros(16_000, np.int16))
    (tmp_path / "words.txt").write_text("I love it!")
    (tmp_path / "note.txt").write_text("How dare you?")
    (tmp_path / "analysis.json").write_text(talk().to_json(), encoding="utf-8")
    return tmp_path


def talk(**more):
    value = planted()
    clip = replace(value.clip, path="talk.wav", **more)
    return replace(value, clip=clip)


def refused(run, *words):
    assert run.returncode == 2, run.stdout + run.stderr
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("mien: ")
    assert all(word in lines[0] for word in words), lines[0]


def unchanged(*paths):
    """Compares what files hold now with what they hold when it is called."""
    before = {path: path.read_bytes() for path in paths}
    return lambda: all(path.read_bytes() == held for path, held in before.items())


# --- inputs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize("how", ["name", "dots", "symbolic link", "hard link"])
@pytest.mark.parametrize(
    ("asked", "target"),
    [
        (["--json"], "note.txt"),
        (["--transcript"], "note.txt"),
        (["--format", "csv", "--export"], "note.txt"),
        (["--words", "words.txt", "--json"], "words.txt"),
        (["--blends", "blends.toml", "--json"], "blends.toml"),
        (["--json"], "note.srt"),
        (["--json"], "note.en.vtt"),
    ],
)
def test_no_input_is_ever_an_output(folder, asked, target, how, overwrite):
    (folder / "note.srt").write_text(HAND)
    (folder / "note.en.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello there.\n")
    (folder / "blends.toml").write_text('[blends]\n"bitter" = { anger = 1.0, sadness = 1.0 }\n')
    named = folder / "other.txt"
    if how == "symbolic link":
        named.symlink_to(folder / target)
    elif how == "hard link":
        os.link(folder / target, named)
    else:
        (folder / "sub").mkdir()
        named = folder / (target if how == "name" else f"sub/../{target}")
    same = unchanged(folder / target)
    refused(command("analyze", folder / "note.txt", *asked, named, *overwrite), "is read")
    assert same()


def test_one_of_several_recordings_is_no_output_of_another(folder):
    same = unchanged(folder / "words.txt")
    refused(
        command("analyze", "note.txt", "words.txt", "--json", "{}.json", "--transcript",
                "words.txt", "--overwrite"),
        "words.txt",
    )  # fmt: skip
    assert same()
    assert not (folder / "note.json").exists()


@pytest.mark.parametrize("words", [["export", "analysis.json", "analysis.json"],
                                   ["export", "analysis.json", "talk.wav", "--format", "csv"],
                                   ["report", "analysis.json", "page.html"]])  # fmt: skip
def test_the_analysis_and_its_recording_are_no_outputs(folder, words):
    if words[0] == "report":
        os.link(folder / "analysis.json", folder / "page.html")
    same = unchanged(folder / "analysis.json", folder / "talk.wav")
    refused(command(*words, "--overwrite"), "is read")
    assert same()


def test_a_file_of_a_pack_is_no_output(folder):
    from mien.packs import EMBEDDED

    pack = folder / "pack"
    shutil.copytree(EMBEDDED / "face", pack)
    same = unchanged(*pack.iterdir())
    for name in ("pack.json", "model.onnx", "README.md"):
        for more in ([], ["--face", pack]):
            run = command("analyze", "note.txt", "--json", pack / name, "--overwrite", *more)
            refused(run, name)
    os.link(pack / "model.onnx", folder / "linked.json")
    refused(
        command("analyze", "note.txt", "--face", pack, "--json", "linked.json", "--overwrite"),
        "is read",
    )
    assert same()


def test_data_that_is_evaluated_is_no_output(folder):
    rows = "text,label\n" + "".join(f"I am {w},joy\n" for w in ("happy", "glad"))
    (folder / "set.csv").write_text(rows)
    same = unchanged(folder / "set.csv")
    for option in ("--json", "--posteriors"):
        refused(
            command("evaluate", "text", "--data", "set.csv", option, "set.csv", "--overwrite"),
            "is read",
        )
    assert same()


def test_the_python_functions_guard_the_recording_too(folder):
    value, wav = talk(), folder / "talk.wav"
    same = unchanged(wav)
    os.link(wav, folder / "page.html")
    os.link(wav, folder / "words.srt")
    os.link(wav, folder / "figure.png")
    with pytest.raises(OptionError, match="never overwritten"):
        export(value, wav, "csv", overwrite=True)
    with pytest.raises(OptionError, match="never overwritten"):
        value.save_report("page.html", overwrite=True)
    with pytest.raises(OptionError, match="never overwritten"):
        write_transcript(value, Path("words.srt"), overwrite=True)
    with pytest.raises(OptionError, match="never overwritten"):
        figure.save(value.plot(), Path("figure.png"), overwrite=True, inputs=[wav])
    with pytest.raises(OptionError, match="suffix of a report"):
        value.save_report("page.pdf")
    assert same()


# --- files of others, and our own ------------------------------------------------------------


@pytest.mark.parametrize("name", [*MARKED, *UNMARKED])
def test_a_file_of_somebody_is_replaced_only_where_that_is_asked_for(folder, name):
    target = folder / name
    target.write_text(HAND)
    refused(command("export", "analysis.json", target), name, "--overwrite")
    assert target.read_text() == HAND
    assert command("export", "analysis.json", target, "--overwrite").returncode == 0
    assert target.read_bytes() != HAND.encode()


@pytest.mark.parametrize("name", MARKED)
def test_our_own_file_is_recognised_and_replaced_without_asking(folder, name):
    for _ in range(2):
        run = command("export", "analysis.json", name)
        assert run.returncode == 0, run.stderr
    assert is_own(folder / name)
    assert not list(folder.glob(".*")), "a fresh file was left behind"


@pytest.mark.parametrize("name", UNMARKED)
def test_what_has_no_place_for_a_mark_is_not_replaced_unasked(folder, name):
    assert command("export", "analysis.json", name).returncode == 0
    refused(command("export", "analysis.json", name), "--overwrite")


def test_pages_and_transcripts_are_recognised(folder):
    for _ in range(2):
        save_page(talk(), folder / "a.html")
        write_transcript(talk(), folder / "a.srt")
        write_transcript(talk(), folder / "a.vtt")
    write_transcript(talk(), folder / "a.txt")
    with pytest.raises(OptionError, match="overwrite=True"):
        write_transcript(talk(), folder / "a.txt")
    write_transcript(talk(), folder / "a.txt", overwrite=True)


@pytest.mark.parametrize("name", ["a.srt", "a.vtt", "a.eaf", "a.svg", "a.emotionml"])
def test_our_file_that_somebody_changed_is_theirs(folder, name):
    target = folder / name
    export_or_draw(name)
    text = target.read_text(encoding="utf-8")
    where = text.rindex("0")
    target.write_text(text[:where] + "1" + text[where + 1 :], encoding="utf-8")
    refused(command("export", "analysis.json", name), "changed since")


def export_or_draw(name):
    assert command("export", "analysis.json", name).returncode == 0


def test_a_task_with_the_work_of_annotators_is_theirs(folder):
    target = folder / "a.labelstudio.json"
    export_or_draw(target.name)
    tasks = json.loads(target.read_text())
    tasks[0]["annotations"] = [{"result": []}]
    target.write_text(json.dumps(tasks, indent=1))
    refused(command("export", "analysis.json", target), "--overwrite")


def test_the_headers_are_those_of_the_tables():
    assert outputs.ROW_HEADER.decode().split(",") == list(COLUMNS[:-7])
    assert COLUMNS[-7] == "success"
    assert outputs.POSTERIORS_HEADER.decode().split(",") == list(POSTERIORS)
    assert ",".join(KEPT).startswith(",".join(POSTERIORS))


def test_figures_of_merit_and_posteriors_are_recognised(folder):
    rows = "text,label\n" + "".join(f"I am {w},joy\n" for w in ("happy", "glad"))
    (folder / "set.csv").write_text(rows)
    asked = ["evaluate", "text", "--data", "set.csv", "--json", "f.json", "--posteriors", "p.csv"]
    for _ in range(2):
        run = command(*asked)
        assert run.returncode == 0, run.stderr
    assert json.loads((folder / "f.json").read_text())["schema"] == outputs.FIGURES
    (folder / "f.json").write_text("{}")
    refused(command(*asked), "f.json", "--overwrite")


def test_a_table_of_posteriors_is_no_place_to_keep_those_of_clips(folder):
    (folder / "clips").mkdir()
    (folder / "clips" / "a.txt").write_text("I love it!")
    (folder / "clips" / "b.txt").write_text("I hate it!")
    (folder / "clips" / "c.txt").write_text("I fear it!")
    labels = "file,label\na.txt,joy\nb.txt,anger\nc.txt,fear\n"
    (folder / "clips" / "labels.csv").write_text(labels)
    table = folder / "p.csv"
    for text in ("item,mine\n1,2\n", outputs.POSTERIORS_HEADER.decode() + "\n"):
        table.write_text(text)
        asked = ["--data", "clips", "--labels", "clips/labels.csv", "--posteriors", "p.csv"]
        refused(command("evaluate", "fusion", *asked, "--folds", 2), "p.csv")
        assert table.read_text() == text


def test_figures_are_written_though_posteriors_cannot_be(folder, monkeypatch):
    from mien.evaluate import judge

    def full(*_):
        raise OutputError("p.csv could not be written (No space left on device).")

    monkeypatch.setattr(judge, "save_posteriors", full)
    (folder / "set.csv").write_text("text,label\nI am happy,joy\n")
    asked = ["evaluate", "text", "--data", "set.csv", "--json", "f.json", "--posteriors", "p.csv"]
    run = command(*asked)
    assert run.returncode == 2
    assert "p.csv" in run.stderr
    assert (folder / "f.json").exists()


def test_two_outputs_are_two_files(folder):
    (folder / "b.json").symlink_to(folder / "a.json")
    refused(command("analyze", "note.txt", "--json", "a.json", "--export", "b.json"), "one file")


# --- places ----------------------------------------------------------------------------------


def test_places_that_cannot_be_written_are_found_before_the_work(folder, monkeypatch):
    from mien.analyzer import Analyzer

    monkeypatch.setattr(Analyzer, "analyze", lambda *_: pytest.fail("the work was begun"))
    (folder / "taken").mkdir()
    for place in ("missing/a.json", "talk.wav/a.json", "taken", f"{'x' * 300}.json"):
        refused(command("analyze", "note.txt", "--json", place), "--json", "cannot be written")

    def full(**_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(outputs.tempfile, "TemporaryFile", full)
    refused(command("analyze", "note.txt", "--json", "a.json"), "a.json", "Read-only file system")


def test_standard_output_is_written_as_it_is(folder):
    run = subprocess.run(
        [sys.executable, "-m", "mien", "export", "analysis.json", "/dev/stdout", "--format",
         "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(run.stdout)["schema"].startswith("mien.analysis/")


def test_on_a_full_disk_earlier_files_stay_whole_and_the_others_are_written(folder):
    export(talk(), folder / "big.json")
    same = unchanged(folder / "big.json")
    limit = 20_000
    assert (folder / "big.json").stat().st_size > limit
    code = textwrap.dedent(f"""
        import resource, sys
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        sys.argv = ["mien", "export", "analysis.json", "big.json", "fig.png", "small.srt"]
        from mien.cli import main
        main()
    """)
    # A measurement of coverage could not write its own file either.
    plain = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=plain
    )
    assert run.returncode == 2
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 2, run.stderr
    assert "big.json" in lines[0]
    assert "fig.png" in lines[1]
    assert "File too large" in lines[0]
    assert same()
    assert (folder / "small.srt").exists()
    assert not (folder / "fig.png").exists()
    assert not list(folder.glob(".*")), "a fresh file was left behind"
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != limit


def test_an_output_that_fails_does_not_cost_the_others(folder):
    value = replace(talk(), transcript=None)
    (folder / "analysis.json").write_text(value.to_json(), encoding="utf-8")
    rows = replace(value, clip=replace(value.clip, duration=0.0))
    assert rows.transcript is None
    run = command("analyze", "note.txt", "--export", "a.rttm", "--json", "a.json")
    refused(run, "no time")
    assert Analysis.from_dict(json.loads((folder / "a.json").read_text())).segments


# --- signals and progress --------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_either_signal_asks_to_stop_and_the_second_ends(number):
    before = signal.getsignal(number)
    asked = []

    def work():
        with shared.stopping() as stop:
            asked.append(stop())
            os.kill(os.getpid(), number)
            asked.append(stop())
            os.kill(os.getpid(), number)
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert asked == [False, True]
    assert signal.getsignal(number) == before


def test_without_a_terminal_progress_is_a_line_now_and_then(monkeypatch, capsys):
    now = 0.0
    monkeypatch.setattr(shared.time, "monotonic", lambda: now)
    with shared.progress(5.0) as tell:
        for now in np.arange(0.0, 60.0, 0.5).tolist():
            tell(f"stage {int(now // 20)}", now / 60)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        "mien: stage 0", "mien: stage 0", "mien: stage 1", "mien: stage 1", "mien: stage 2",
        "mien: stage 2",
    ]  # fmt: skip


# --- what exports hold -----------------------------------------------------------------------


EVIL = "a\x00b\x0bc\x1bd\ufffe\ud800 <b>&amp; --> \x85]]>"


def evil():
    value = talk()
    lines = (Line(Segment(0.0, 2.0), EVIL), Line(Segment(2.0, 3.0), "=cmd|' /C calc'!A0"))
    transcript = replace(value.transcript or Transcript((), "given"), lines=lines)
    return replace(value, transcript=transcript, lines=None)


@pytest.mark.parametrize("name", ["a.eaf", "a.emotionml"])
def test_controls_make_no_broken_xml(folder, name):
    export(evil(), folder / name)
    root = ElementTree.parse(folder / name).getroot()
    if name == "a.eaf":
        texts = [element.text or "" for element in root.iter("ANNOTATION_VALUE")]
        assert any("<b>&amp; -->" in text for text in texts)


@pytest.mark.parametrize("name", [*MARKED[:9], *UNMARKED])
def test_no_word_ends_an_export(folder, name):
    export(evil(), folder / name)
    assert (folder / name).stat().st_size > 0


@pytest.mark.parametrize("name", ["a.txt", "a.srt", "a.vtt"])
def test_no_word_ends_a_transcript(folder, name):
    write_transcript(evil(), folder / name)
    text = (folder / name).read_text(encoding="utf-8")
    assert "=cmd" in text
    assert all(c == "\n" or c.isprintable() for c in text)


def test_no_word_ends_a_report(folder):
    evil().save_report("a.html")
    text = (folder / "a.html").read_text(encoding="utf-8")
    assert "=cmd" in text


def test_webvtt_escapes_what_is_markup(folder):
    export(evil(), folder / "a.vtt")
    text = (folder / "a.vtt").read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;amp; --&gt;" in text
    assert all("-->" not in row or row[0].isdigit() for row in text.splitlines())


@pytest.mark.parametrize(
    "first", ["=", "+", "-", "@", "\t", "\r", "\n", "\t=", "\r\n+", "\uff1d", " ="]
)
def test_no_cell_is_a_formula(folder, first):
    import csv

    value = talk()
    said = f"{first}HYPERLINK(1)"
    reasons = (said, *value.fused.reasons[1:])
    probs, quality = value.fused.probs.copy(), value.fused.quality.copy()
    probs[0], quality[0] = np.nan, 0.0
    fused = replace(value.fused, reasons=reasons, probs=probs, quality=quality)
    clip = replace(value.clip, path=f"{said}.wav".replace("/", ""))
    value = replace(value, fused=fused, clip=clip, explanations=())
    for name in ("a.csv", "a.boris.csv"):
        export(value, folder / name)
        with (folder / name).open(encoding="utf-8", newline="") as file:
            cells = [cell for row in csv.reader(file) for cell in row]
        risky = [c for c in cells if c.lstrip(" ")[:1] in tuple("=+-@\t\r\n\uff1d")]
        assert all(_is_number(cell) for cell in risky if cell), risky
        if name == "a.csv":
            clean = " ".join(said.splitlines()).replace("\t", " ")
            assert {clean, f"'{clean}"} & set(cells)


def _is_number(cell):
    try:
        float(cell)
    except ValueError:
        return not cell.strip()
    return True


def test_numbers_stay_numbers():
    assert inert("joy") == "joy"
    assert inert("-1") == "'-1"  # a text: numbers are no texts in the tables


# --- the recording of a report ---------------------------------------------------------------


def test_another_recording_is_refused_or_named(folder):
    write_wav(folder / "one.wav", np.zeros(16_000 * 8, np.int16))
    write_wav(folder / "long.wav", np.zeros(16_000 * 20, np.int16))
    from mien.media import open_clip

    facts = open_clip(folder / "one.wav").facts
    value = replace(talk(), clip=facts)
    (folder / "one.json").write_text(value.to_json(), encoding="utf-8")
    refused(command("report", "one.json", "a.html", "--media", "long.wav"), "20.0 s", "8.0 s")
    refused(command("report", "one.json", "a.html", "--media", "note.txt"), "a text")
    assert not (folder / "a.html").exists()
    run = command("report", "one.json", "a.html", "--media", "one.wav")
    assert (run.returncode, run.stderr) == (0, "")
    shutil.copy(folder / "one.wav", folder / "copy.wav")
    run = command("report", "one.json", "b.html", "--media", "copy.wav")
    assert run.returncode == 0
    assert "may not be the recording" in run.stderr


def test_a_fresh_file_takes_the_place_only_when_it_is_whole(tmp_path):
    target = tmp_path / "a.json"
    target.write_text("{}")
    with pytest.raises(OptionError, match="overwrite"):
        check_output(target)

    def fill():
        with outputs.written(target, (), True) as fresh:
            fresh.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="a.json"):
        fill()
    assert target.read_text() == "{}"


# --- a whole run -----------------------------------------------------------------------------


def test_terminated_the_partial_analysis_is_written_and_goes_on(folder):
    from mien.demo import make_clip

    make_clip(folder / "short.mp4")
    code = textwrap.dedent("""
        import os, signal, sys
        from mien.analyzer import Analyzer
        whole = Analyzer.analyze

        def analyze(self, path, told, stop):
            def tell(doing, share):
                told(doing, share)
                if share > 0.4 and not stop():
                    os.kill(os.getpid(), signal.SIGTERM)
            return whole(self, path, tell, stop)

        Analyzer.analyze = analyze
        sys.argv = ["mien", "analyze", "short.mp4", "--by", "window", "--window", "1", "--step",
                    "1", "--asr", "none", "--json", "a.json"]
        from mien.cli import main
        main()
    """)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 130, run.stderr
    assert Analysis.from_dict(json.loads((folder / "a.json").read_text())).partial
    asked = ["--by", "window", "--window", "1", "--step", "1", "--asr", "none", "--json", "a.json"]
    again = command("analyze", "short.mp4", *asked, "--resume")
    assert again.returncode == 0, again.stderr
    assert not Analysis.from_dict(json.loads((folder / "a.json").read_text())).partial


def test_the_demo_replaces_its_own_files_and_no_others(folder):
    assert command("demo", "--out", "d").returncode == 0
    assert command("demo", "--out", "d").returncode == 0
    (folder / "d" / "report.html").write_text("mine")
    same = unchanged(*(folder / "d").iterdir())
    refused(command("demo", "--out", "d"), "report.html", "--overwrite")
    assert same()
