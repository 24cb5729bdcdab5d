"""Texts made to take long: time grows as they do, and not with the square of it."""

import time
from contextlib import suppress

import pytest

from mien.errors import MienError
from mien.media.captions import plain
from mien.perceive.transcript import read_transcript, sentences, transcript_of_text

SECONDS = 20.0
"""Far above what 200,000 take (at most 6 s on a busy core), far below what squares would."""

UNITS = (
    "{", "}", "[", "]", "(", ")", "<", ">", "{\\", "{\\p1", "{y:", "<a", "<v ", "<v A>", "<!--",
    "<rt>", "&", "&#", "&amp", "*", "#", "\u266a", ":", ": ", "A: ", "[a]: ", "- ", ">> ", "\\N",
    "\n", "\n\n", "\n ", "\t", "-->", ":-->", "0:00 ", "\ue000", "a\nA: ", "00:00:00,000 -->",
)  # fmt: skip

HEADS = {
    "a.srt": "1\n00:00:00,200 --> 00:00:02,300\n",
    "a.vtt": "WEBVTT\n\n00:00.200 --> 00:02.300\n",
    "a.ass": "[Script Info]\n\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
    "MarginV, Effect, Text\nDialogue: 0,0:00:00.20,0:00:02.30,Default,,0,0,0,,",
    "a.txt": "",
    "a.smi": "<SAMI><BODY><SYNC Start=200><P Class=ENCC>",
    "a.sub": "{1}{1}25\n{5}{57}",
    "a.mpl": "[2][23]",
    "a.lrc": "[00:00.20]",
    "a.sbv": "0:00:00.200,0:00:02.300\n",
    "a.json": '{"segments": [{"start": 0.2, "end": 2.3, "text": "',
    "a.ttml": "<tt><body><div><p begin='0s' end='2s'>",
    "a.csv": "start,end,text\n0.2,2.3,",
}


def seconds_for(run):
    started = time.process_time()
    with suppress(MienError):
        run()
    return time.process_time() - started


@pytest.mark.parametrize(
    "run",
    [
        lambda n: sentences("A. " * n),
        lambda n: sentences("Mr. X " * n),
        lambda n: sentences("A" + "! " * n),
        lambda n: sentences('."' * n + " A"),
        lambda n: transcript_of_text("A. " * n),
        lambda n: plain("{" * n),
        lambda n: plain("{\\p" * n),
        lambda n: plain("\\N" * n),
    ],
)
def test_time_grows_with_the_length_and_not_with_its_square(run):
    run(100)
    small, large = (
        min(seconds_for(lambda n=n: run(n)) for _ in range(3)) for n in (20_000, 160_000)
    )
    # Eight times the length: 8 if linear, 64 if quadratic.
    assert large < 24 * max(small, 0.002)
    assert large < SECONDS


@pytest.mark.parametrize("name", HEADS)
def test_no_run_of_marks_takes_long(name, tmp_path):
    path = tmp_path / name
    for unit in UNITS:
        path.write_text(HEADS[name] + unit * 20_000)
        assert seconds_for(lambda: read_transcript(path, 10.0)) < SECONDS / 10, repr(unit)


@pytest.mark.slow
@pytest.mark.parametrize("name", HEADS)
def test_no_long_run_of_marks_takes_long(name, tmp_path):
    path = tmp_path / name
    for unit in UNITS:
        path.write_text(HEADS[name] + unit * 200_000)
        assert seconds_for(lambda: read_transcript(path, 10.0)) < SECONDS, repr(unit)


def test_a_hundred_thousand_cues_are_read_in_seconds(tmp_path):
    cue = "1\n00:00:00,200 --> 00:00:02,300\nAnn Lee: hello there\n\n"
    path = tmp_path / "a.srt"
    times = []
    for n in (10_000, 80_000):
        path.write_text(cue * n)
        times.append(seconds_for(lambda: read_transcript(path, 10.0)))
    assert times[1] < 24 * max(times[0], 0.05)
    assert times[1] < SECONDS


def test_a_row_that_a_library_would_take_long_for_is_refused_by_its_size(tmp_path):
    path = tmp_path / "a.sub"
    path.write_text("{1}{1}25\n{5}{57}" + "{y:" * 200_000)
    with pytest.raises(MienError, match="MicroDVD with a row of 600007"):
        read_transcript(path, 10.0)
