"""Names that are no UTF-8, with codes of a terminal or line breaks; addresses; several files."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mien.analysis.analysis import Analysis
from mien.analysis.merge import check_same
from mien.analyzer import Analyzer
from mien.errors import MediaError, OptionError
from mien.facts import as_utf8, shown
from mien.media import open_clip
from mien.options import Options, SpeechOptions

from .media.make import beeps, write

NAMES = {
    b"bad\xff\xfename.wav": r"bad\xff\xfename.wav",
    b"half\xe4\xb8.wav": r"half\xe4\xb8.wav",
    b"esc\x1b[31mred.wav": r"esc\x1b[31mred.wav",
    b"two\nlines.wav": r"two\x0alines.wav",
    b"tab\tbell\x07.wav": r"tab\x09bell\x07.wav",
    "right\u202eleft.wav".encode(): r"right\u202eleft.wav",
    b"<b>&amp;'\"].wav": "<b>&amp;'\"].wav",
    "Gr\u00fc\u00dfe \u65e5\u672c.wav".encode(): "Gr\u00fc\u00dfe \u65e5\u672c.wav",
}
OUTPUTS = (
    "a.csv", "a.boris.csv", "a.eaf", "a.TextGrid", "a.rttm", "a.emotionml", "a.labelstudio.json",
)  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    tone = beeps(2, [0.2, 1.0], 16_000)
    return write(path, sound=tone, rate=16_000, acodec="pcm_s16le").read_bytes()


def named(folder: Path, name: bytes, content: bytes) -> Path:
    path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
    path.write_bytes(content)
    return path


def mien(*words: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mien", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        cwd=folder,
        env={"PYTHONPATH": ":".join(sys.path), "COLUMNS": "200"},
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_escaped_where_it_is_shown_and_written(
    tmp_path: Path, name: bytes, sound: bytes
) -> None:
    path = named(tmp_path, name, sound)
    analysis = Analyzer(Options(speech=SpeechOptions(asr="none"))).analyze(path)
    assert analysis.clip.path == str(path)
    assert analysis.clip.name == NAMES[name]
    for target in ("a.json", "a.html"):
        if target == "a.json":
            text = json.dumps(analysis.to_dict(), ensure_ascii=False)
            (tmp_path / target).write_text(text, encoding="utf-8")
        else:
            analysis.save_report(tmp_path / target)
            assert b"\x1b" not in (tmp_path / target).read_bytes()
    again = Analysis.from_dict(json.loads((tmp_path / "a.json").read_text(encoding="utf-8")))
    assert again.clip.path == as_utf8(path)
    check_same(again, path.name, Options(speech=SpeechOptions(asr="none")))


@pytest.mark.parametrize("name", list(NAMES)[:4:3])
def test_every_output_of_the_command(tmp_path: Path, name: bytes, sound: bytes) -> None:
    pytest.importorskip("pympi", reason="pympi-ling is not installed (extra 'export')")
    named(tmp_path, name, sound)
    exports = [word for target in OUTPUTS for word in ("--export", target)]
    done = mien(
        "analyze", os.fsdecode(name), "--asr", "none", "--json", "a.json", "--figure", "a.png",
        "--report", "a.html", "--report-media", "link", *exports, folder=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.lstrip().startswith(NAMES[name])
    assert "\x1b" not in done.stdout
    for target in OUTPUTS:
        (tmp_path / target).read_text(encoding="utf-8")
    for target in ("a.eaf", "a.emotionml"):
        ElementTree.parse(tmp_path / target)
    with (tmp_path / "a.boris.csv").open(encoding="utf-8", newline="") as file:
        assert {row["Media file name"] for row in csv.DictReader(file)} <= {NAMES[name]}
    went = mien("report", "a.json", "b.html", folder=tmp_path)
    assert (went.returncode, went.stderr) == (0, "")


@pytest.mark.parametrize("name", [b"no\xff\x1b[2J.wav", b"no\nsuch.wav"])
def test_errors_escape_names_too(tmp_path: Path, name: bytes) -> None:
    done = mien("analyze", os.fsdecode(name), folder=tmp_path)
    assert done.returncode == 2
    assert f"mien: {shown(os.fsdecode(name))} does not exist" in done.stderr
    assert "\x1b" not in done.stderr
    named(tmp_path, name, b"no sound")
    done = mien("analyze", os.fsdecode(name), folder=tmp_path)
    assert f"mien: {shown(os.fsdecode(name))} is damaged" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "address", ["https://example.com/a.mp4", "rtsp://10.0.0.1/live", "s3://b/a"]
)
def test_an_address_is_called_one(tmp_path: Path, address: str) -> None:
    done = mien("analyze", address, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"mien: {address} is an address; download the file")
    for form in (address, Path(address)):
        with pytest.raises(MediaError, match=f"{address} is an address"):
            open_clip(form)


def test_several_recordings_have_a_result_each(tmp_path: Path, sound: bytes) -> None:
    for name in (b"a.wav", b"b.wav"):
        named(tmp_path, name, sound)
    (tmp_path / "c.txt").write_text("I am so glad that you came.")
    (tmp_path / "out").mkdir()
    done = mien(
        "analyze", "a.wav", "none.wav", "b.wav", "c.txt", "--asr", "none",
        "--json", "out/{}.json", folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert "none.wav does not exist" in done.stderr
    assert "1 of 4 could not be analysed" in done.stderr
    shown_names = [line.split("  |")[0] for line in done.stdout.splitlines() if "  |  " in line]
    assert shown_names == ["a.wav", "b.wav", "c.txt"]
    written = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "out").iterdir()}
    assert {stem: one["clip"]["path"] for stem, one in written.items()} == {
        "a": "a.wav", "b": "b.wav", "c": "c.txt",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["--json", "all.json"], "--json"),
        (["--json", "-"], "--json"),
        (["--figure", "all.png"], "--figure"),
        (["--export", "{}.csv", "--export", "all.csv"], "--export"),
    ],
)
def test_two_results_do_not_go_into_one_file(
    tmp_path: Path, sound: bytes, words: list[str], option: str
) -> None:
    for name in (b"a.wav", b"b.wav"):
        named(tmp_path, name, sound)
    done = mien("analyze", "a.wav", "b.wav", *words, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"mien: {option} would write several results")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "b.wav"]
    from mien.cli.several import Targets

    with pytest.raises(OptionError, match="several results to out/a.json; analyse .* separate"):
        Targets(json="out/{}.json").for_each([Path("x/a.wav"), Path("y/a.mp4")])


def test_a_file_address_is_answered_with_its_path() -> None:
    with pytest.raises(MediaError, match=r"is an address; give the path alone: /home/a\.wav\."):
        open_clip("file:///home/a.wav")
