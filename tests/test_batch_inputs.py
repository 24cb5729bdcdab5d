"""What a batch analyses, and what each output is called."""

import os

import pytest

import mien
from mien.batch.inputs import Input, find_clips, keep_names, output_name
from mien.batch.state import STATES
from mien.errors import InputError
from mien.report.figure import save


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def names(given):
    return [one.name for one in find_clips([str(one) for one in given])]


# --- inputs ----------------------------------------------------------------------------------


def test_a_folder_is_searched_without_outputs_hidden_files_and_other_kinds(tmp_path):
    wanted = ["a.mp4", "b/a.MP4", "b/face.JPG", "b/c/d.wav"]
    other = [".a.mp4", "._b.wav", ".cache/x.mp4", "notes.txt", "a.srt", "table.csv", "noext"]
    own = ["clips/a.mp4.json", "clips/a.mp4.html", "clips.csv", "b/index.html", STATES]
    touch(*(tmp_path / name for name in (*wanted, *other, *own)))
    drawing = mien.analyze_text("Hello.").plot()
    drawing.savefig(tmp_path / "figure.png")
    save(drawing, tmp_path / "own.png")
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


def test_a_folder_that_a_list_names_often_is_searched_once(tmp_path, monkeypatch):
    (tmp_path / "a.wav").touch()
    (tmp_path / "many.txt").write_text(".\n./\n./.\n" * 1000)
    monkeypatch.chdir(tmp_path)
    searched = []
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda folder: searched.append(folder) or walk(folder))
    assert [one.name for one in find_clips(["many.txt"])] == ["a.wav"]
    assert searched == [str(tmp_path)]
