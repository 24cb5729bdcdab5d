"""Whatever is wrong with a table that a user hands in, the error is one of mien's own."""

import os
import random
import subprocess
import sys
from tempfile import NamedTemporaryFile
from types import SimpleNamespace

import pytest

from mien.analysis.evidence import Evidence
from mien.batch.state import STATES, States
from mien.cli.shared import read_analysis
from mien.datasets import load_faces, load_texts, load_voices
from mien.datasets.clips import load_clips
from mien.datasets.posteriors import load_table
from mien.datasets.spoken import load_spoken
from mien.errors import (
    ContractError,
    DataError,
    InputError,
    LabelError,
    MienError,
    OptionError,
    PackError,
)
from mien.files import read_bounded, read_regular
from mien.fusion.method import read_blends
from mien.fusion.pack import load_pool
from mien.options import Options
from mien.perceive.formats import read_cues
from mien.timebase import Segment

HEAD = (
    "item,branch,label,group,seconds,quality,anger,disgust,fear,joy,neutral,sadness,surprise,pack"
)


def row(**changes):
    cells = {name: "0" for name in HEAD.split(",")}
    cells |= {"item": "a", "branch": "text", "label": "joy", "group": "g", "seconds": "1"}
    cells |= {"quality": "1", "joy": "1", "pack": ""}
    return f"{HEAD}\n{','.join((cells | changes).values())}\n".encode()


TABLES = {
    "empty": b"",
    "zeros": b"\0\0\0",
    "noise": random.Random(0).randbytes(3000),
    "utf-16": "path,label\na,joy\n".encode("utf-16"),
    "open quote": b'path,label\n"a,joy\n',
    "old line ends": b"path,label\ra,joy\r",
    "surplus cells": b"path,label\na,joy,1,2,3\n",
    "missing cells": b"path,label\na\n",
    "other columns": b"x,y\n1,2\n",
    "unknown label": b"path,text,label\na.wav,hi,notalabel\n",
    "surrogate": b"path,text,label\n\xed\xb2\x80,hi,joy\n",
    "header alone": b"path,text,label\n",
    "column twice": b"path,path,label\na,b,joy\n",
    "zero in a cell": b"path,text,label\n\0,\0,joy\n",
    "device": b"path,text,label\n/dev/zero,x,joy\n",
    "few pixels": b"emotion,pixels,Usage\n3,1 2 3,Training\n",
    "class 9": b"emotion,pixels,Usage\n9," + b" ".join([b"1"] * 2304) + b",Training\n",
    "huge pixels": b"emotion,pixels,Usage\nx," + b" ".join([b"9" * 21] * 2304) + b",Training\n",
}
LOADERS = {
    "faces": load_faces,
    "voices": load_voices,
    "texts": load_texts,
    "posteriors": load_table,
    "spoken": load_spoken,
    "clips": lambda path: load_clips(path.parent, path),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".npz"])
def test_a_malformed_table_ends_in_an_error_of_ours_or_is_read(loader, name, suffix, tmp_path):
    path = tmp_path / f"table{suffix}"
    path.write_bytes(TABLES[name])
    try:
        LOADERS[loader](path)
    except MienError:
        return
    # What is read all the same has rows that can be read: paths are looked at when they are used.
    assert name not in ("empty", "zeros", "noise", "other columns", "zero in a cell")


def test_a_huge_cell_is_a_data_error(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"path,label\n" + b"a" * (1 << 25) + b",joy\n")
    with pytest.raises(DataError, match="field limit"):
        load_voices(tmp_path / "table.csv")


@pytest.mark.parametrize("loader", ["faces", "voices", "texts", "posteriors", "spoken"])
def test_a_fifo_is_refused_and_not_waited_for(loader, tmp_path):
    os.mkfifo(tmp_path / "table.csv")
    with pytest.raises(MienError):
        LOADERS[loader](tmp_path / "table.csv")


@pytest.mark.parametrize(
    "changes",
    [
        {"joy": "-1"},
        {"joy": "0"},
        {"joy": "inf"},
        {"joy": "x"},
        {"quality": "2"},
        {"quality": "nan"},
        {"quality": "-0.1"},
        {"seconds": "-1"},
        {"seconds": "inf"},
        {"seconds": "nan"},
        {"label": "zzz"},
    ],
)
def test_numbers_out_of_range_name_the_row(changes, tmp_path):
    path = tmp_path / "posteriors.csv"
    path.write_bytes(row(**changes))
    expected = LabelError if "label" in changes else DataError
    with pytest.raises(expected, match="zzz" if "label" in changes else "row 2"):
        load_table(path)


def test_the_row_itself_is_read(tmp_path):
    (tmp_path / "posteriors.csv").write_bytes(row())
    assert len(load_table(tmp_path / "posteriors.csv")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "null",
        "[[1]]",
        '{"a": 1}',
        '{"a": {}}',
        '{"a": {"joy": 1}}',
        '{"a": {"joy": NaN, "fear": 1}}',
        '{"a": {"joy": 1e999, "fear": 1}}',
        '{"a": {"joy": -1, "fear": 1}}',
        '{"a": {"x": 1, "fear": 1}}',
        '{"a": {"joy": [1], "fear": 1}}',
        '{"a": {"joy": ' + "9" * 500 + ', "fear": 1}}',
        "[" * 100_000,
        '{"a": {"joy": ' + "9" * 5000 + ', "fear": 1}}',
    ],
)
def test_malformed_blends_end_in_an_error_of_ours(text, tmp_path):
    path = tmp_path / "blends.json"
    path.write_text(text)
    with pytest.raises(MienError):
        read_blends(path)


def test_speakers_of_two_corpora_in_one_table_are_two_people(tmp_path):
    path = tmp_path / "voices.csv"
    path.write_text("path,label,speaker,corpus\na.wav,joy,1,x\nb.wav,joy,1,y\n")
    assert load_voices(path).groups.tolist() == ["x/1", "y/1"]


def test_an_unknown_label_is_named_with_its_file_and_row(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("path,text,label\na.wav,hi,joy\nb.wav,ho,happyish\n")
    for load in (load_voices, load_texts):
        with pytest.raises(LabelError, match=r"mine\.csv, row 3: .*'happyish'"):
            load(table)


@pytest.mark.parametrize("content", ["[]", "3", '"joy"'])
def test_blends_that_are_no_table_are_refused(tmp_path, content):
    path = tmp_path / "blends.json"
    path.write_text(content)
    with pytest.raises(OptionError, match="not a table of blends"):
        read_blends(path)


@pytest.mark.parametrize("content", ["[" * 200_000, "[]", "{}", "3", "\0", '{"schema": []}'])
def test_a_file_that_is_no_analysis_is_refused_by_name(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"(?i)analysis"):
        read_analysis(path)


def test_a_fifo_is_no_analysis_and_no_transcript(tmp_path):
    fifo = tmp_path / "a.json"
    os.mkfifo(fifo)
    for read in (read_analysis, read_cues):
        with pytest.raises(InputError, match="not a regular file"):
            read(fifo)


@pytest.mark.parametrize("content", [b"[]", b"7", b"null", b'"x"', b'{"format": {"a": [1]}}', b"["])
def test_a_file_that_is_no_pool_is_a_pack_error(content, tmp_path):
    pack = SimpleNamespace(read=lambda name: content, folder=tmp_path)
    with pytest.raises(PackError):
        load_pool(pack)


@pytest.mark.parametrize(
    "header", ["MyUtterance,Emotion", "Utterances,Emotions", "a Utterance,Emotion"]
)
def test_a_header_that_only_looks_like_meld_names_the_column(header, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text(f"{header}\nwell,joy\n")
    with pytest.raises(DataError, match="has no column 'utterance'"):
        load_texts(path)


@pytest.mark.parametrize("rule", ["x" * 5000, "a\0b", "/" * 5000 + "x" * 300])
def test_a_rule_that_no_folder_can_be_named_is_an_option_error(rule):
    with pytest.raises(OptionError, match="cannot be"):
        Options.from_dict({"fusion": {"rule": rule}})


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"a":' * 50_000, "nonsense", "\0", "[]", "9" * 5000]
)
def test_a_damaged_line_of_a_batch_is_left_out(line, tmp_path):
    begun = '{"begun": "/a.wav", "name": "a", "key": {"size": 1}}'
    (tmp_path / STATES).write_text(f'{{"mien-batch": 1}}\n{line}\n{begun}\n')
    with States(tmp_path, resume=True) as states:
        assert states.names == {"/a.wav": "a"}


def test_a_small_file_takes_little_memory():
    """``read(n)`` takes n bytes before it reads; with a limit on memory that alone would fail."""
    code = (
        "import resource, sys; from pathlib import Path; from mien.files import read_regular;"
        "from mien.media.files import read_start;"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * 4096 + 50_000_000;"
        "resource.setrlimit(resource.RLIMIT_AS, (used, used));"
        "assert read_regular(sys.argv[1]) == read_start(sys.argv[1], 2**31) == b'small'"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "/dev/stdin"],
        input="small",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "not a regular file" in done.stderr
    with NamedTemporaryFile() as file:
        file.write(b"small")
        file.flush()
        done = subprocess.run(
            [sys.executable, "-c", code, file.name], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr


def test_a_file_that_grows_is_read_to_its_new_end(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"ab")
    with path.open("rb") as file:
        stale = SimpleNamespace(fileno=lambda: os.open("/dev/null", os.O_RDONLY), read=file.read)
        assert read_bounded(stale, 1 << 20) == b"ab"  # the system said that it was empty
    with path.open("rb") as file:
        assert read_bounded(file, 1) == b"a"
    for name in ("/proc/self/status", "/proc/version"):  # 0 bytes by their size
        assert len(read_regular(name)) > 10


def test_probabilities_that_sum_to_nothing_are_refused():
    row = {"probs": [0.0] * 7, "quality": 0.5, "reason": None}
    with pytest.raises(ContractError, match=r"sum to 0\.0"):
        Evidence.from_dict({"branch": "text", "rows": [row]}, [Segment(0, 1)])
