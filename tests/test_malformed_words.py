"""Subtitles and transcripts that are meant to harm: they cost one warning and a bounded time."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mien.errors import InputError, MienError
from mien.facts import shown
from mien.media.markup import without_markup
from mien.perceive.fit import DENSEST, SPARE, most_characters
from mien.perceive.formats import read_cues
from mien.perceive.subtitles import words_of
from mien.perceive.transcript import Written, find_written, read_transcript
from mien.scene import Caption
from mien.timebase import Segment
from tests.fuzz_seeds import EAF
from tests.test_sidecar import facts, srt

LINE = "1\n00:00:00,200 --> 00:00:02,300\nI am so glad\n\n"
NAMESPACE = 'xmlns="http://www.w3.org/ns/ttml"'


def ttml(attribute="", head="", body='<p begin="0.2s" end="2.3s">I am so glad</p>'):
    return f"<tt {NAMESPACE} {attribute}><head>{head}</head><body>{body}</body></tt>"


def times_of(number):
    """Files with a number in the place of a time, by suffix; each has one good line as well."""
    return {
        "srt": f"1\n{number}:00:01,000 --> 00:00:02,000\nno\n\n{LINE}",
        "vtt": f"WEBVTT\n\n{number}.0 --> 00:02.000\nno\n\n00:00.200 --> 00:02.300\nI am so glad\n",
        "sbv": f"{number}:00.000,0:00:01.000\nno\n\n0:00:00.200,0:00:02.300\nI am so glad\n",
        "clock.ttml": ttml(body=f'<p begin="{number}:00:00" end="1s">no</p>'),
        "frames.ttml": ttml(body=f'<p begin="00:00:00:{number}" end="1s">no</p>'),
        "offset.ttml": ttml(body=f'<p begin="{number}s" end="1s">no</p>'),
        "smi": f"<SAMI><BODY><SYNC Start={number}><P>no<SYNC Start=200><P>I am so glad",
        "lrc": f"[{number}:01.00]no\n[00:02.00]I am so glad\n",
        "sub": f"{{1}}{{1}}25\n{{{number}}}{{20}}no\n",
        "mpl": f"[{number}][20]no\n",
        "csv": f"start,end,text\n{number},{number},no\n0.2,2.3,I am so glad\n",
        "tsv": f"start\tend\ttext\n{number}\t{number}\tno\n200\t2300\tI am so glad\n",
        "json": f'{{"segments": [{{"start": {number}, "end": 1, "text": "no"}}]}}',
        "ctm": f"f 1 {number}.0 0.4 no 0.9\n",
        "txt": f"{number}.5\t1.5\tno\n0.2\t2.3\tI am so glad\n",
    }


@pytest.mark.parametrize("digits", [13, 400, 5000])
@pytest.mark.parametrize("suffix", times_of("1"))
def test_a_time_of_many_digits_is_no_time(tmp_path, suffix, digits):
    """Python makes no float of some hundreds of digits, and refuses to read some thousands."""
    path = tmp_path / f"a.{suffix}"
    path.write_text(times_of("9" * digits)[suffix])
    try:
        found = read_transcript(path, 9.0).transcript
    except MienError:
        return
    assert found is None or "no" not in [line.text for line in found.lines]


@pytest.mark.parametrize("digits", [400, 5000])
@pytest.mark.parametrize(
    "attribute", ["frameRate='{}'", "tickRate='{}'", "frameRateMultiplier='{} 1'",
                  "frameRateMultiplier='1 {}'"],
)  # fmt: skip
def test_a_rate_of_many_digits_is_left_out(tmp_path, attribute, digits):
    path = tmp_path / "a.ttml"
    body = "<p begin='6f' end='60f'>I am so glad</p>"
    path.write_text(ttml(attribute.format("9" * digits), body=body))
    (cue,) = read_cues(path).cues
    assert (cue.start, cue.end) == pytest.approx((0.2, 2.0))


@pytest.mark.parametrize("place", ["agent", "paragraph", "div", "transcript"])
@pytest.mark.parametrize("depth", [900, 3000, 50_000])
def test_xml_in_xml_in_xml(tmp_path, place, depth):
    deep = "<span>" * depth + "x" + "</span>" * depth
    text = {
        "agent": ttml(head=f"<agent id='a'><name>{deep}</name></agent>"),
        "paragraph": ttml(body=f"<p begin='1s' end='2s'>{deep}</p>"),
        "div": ttml(body="<div>" * depth + "</div>" * depth),
        "transcript": f"<transcript><text start='1' dur='1'>{deep}</text></transcript>",
    }[place]
    path = tmp_path / "a.ttml"
    path.write_text(text)
    try:
        read_cues(path)
    except InputError as error:
        told = str(error)
    else:
        told = "nested too deeply"  # it was not too deep
    assert "nested too deeply" in told or "damaged" in told


@pytest.mark.parametrize("suffix", ["ttml", "eaf", "xml", "srt"])
@pytest.mark.parametrize("root", ["tt", "ANNOTATION_DOCUMENT"])
def test_declared_entities_are_not_expanded(tmp_path, root, suffix):
    rows = "".join(
        f'<!ENTITY {new} "{f"&{old};" * 10}">'
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    )
    declared = f'<!ENTITY a "glad"><!ENTITY s SYSTEM "file:///etc/passwd">{rows}'
    path = tmp_path / f"a.{suffix}"
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE x [{declared}]><{root}>&i;&s;</{root}>')
    began = time.process_time()
    with pytest.raises(InputError, match="declares entities"):
        read_cues(path)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    "text",
    [
        ttml(body="<p>" + "<span begin='1s'>x" * 900 + "</span>" * 900 + "</p>"),
        ttml(body="<p begin='1s' end='2s'>" + "<span>x" * 900 + "</span>" * 900 + "</p>"),
        "<timedtext><body>" + "<p t='1'>x" * 20_000 + "</p>" * 20_000 + "</body></timedtext>",
        ttml(body="<div begin='1s'>" * 400 + "<p end='2s'>x</p>" * 5000 + "</div>" * 400),
    ],
)
def test_xml_in_xml_takes_linear_time(tmp_path, text):
    path = tmp_path / "a.ttml"
    path.write_text(text)
    began = time.process_time()
    read_cues(path)
    assert time.process_time() - began < 1


def test_a_timed_span_in_a_timed_span_is_said_once(tmp_path):
    path = tmp_path / "a.ttml"
    inner = '<span begin="1s" end="2s">so</span>'
    path.write_text(ttml(body=f'<p><span begin="0s" end="3s">I am {inner} glad</span></p>'))
    assert [cue.text for cue in read_cues(path).cues] == ["I am so glad"]


BLANKS = {
    "voice": "<v" + " " * 60_000,
    "voice class": "<v." + "a" * 60_000,
    "sung": "la" + " " * 60_000 + "x",
    "chevrons": "a" + " \t" * 30_000 + "> b",
    "tags": "<" * 60_000,
    "brackets": "[(" * 30_000,
    "label": "(" + "a " * 30_000,
    "breaks": "<br" + " " * 60_000,
    "ruby": "<rt " * 15_000,
    "entities": "&#x11" * 12_000,
    "overrides": "{\\" * 30_000,
    "sung twice": " #" * 30_000,
}


@pytest.mark.parametrize("name", BLANKS)
def test_text_of_a_cue_takes_linear_time(name):
    began = time.process_time()
    without_markup(BLANKS[name])
    words_of(BLANKS[name])
    assert time.process_time() - began < 1


def test_a_tier_with_a_long_name_takes_linear_time(tmp_path):
    tiers = "".join(
        f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="d"><ANNOTATION><ALIGNABLE_ANNOTATION '
        f'ANNOTATION_ID="a{i}" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3"><ANNOTATION_VALUE>well no'
        "</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>"
        for i, name in enumerate(("Ann" + " " * 100_000 + "- words", "Bob - words"))
    )
    first, end = EAF.index("<TIER"), EAF.index("</TIER>") + len("</TIER>")
    path = tmp_path / "a.eaf"
    path.write_text(EAF[:first] + tiers + EAF[end:])
    began = time.process_time()
    assert [cue.speaker for cue in read_cues(path).cues] == ["Ann", "Bob"]
    assert time.process_time() - began < 2


def test_a_long_number_in_sami_takes_linear_time(tmp_path):
    path = tmp_path / "a.smi"
    path.write_text(f"<SAMI><BODY><SYNC Start={'9' * 300_000} x")
    began = time.process_time()
    assert read_cues(path).cues == ()
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ass", "[Script Info]\n\n[Events]\nFormat: Start, End, Text\nDialogue: {},{},x\n"),
        ("a.ttml", "<tt>&{};</tt>"),
        ("a.json", '{{"{}": x}}'),
        ("a.sub", "{{1}}{{1}}{}\n{{10}}{{20}}x\n"),
    ],
)
def test_a_refusal_does_not_quote_the_file(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content.format(*["a" * 1900 + "\x1b[2J"] * 2))
    with pytest.raises(InputError) as error:
        read_cues(path)
    assert len(str(error.value)) < 700
    assert str(error.value).isprintable()


# --- beside a recording ----------------------------------------------------------------------


def beside(tmp_path, content, name="talk.srt", duration=9.0):
    (tmp_path / "talk.wav").touch()
    (tmp_path / name).write_text(content)
    return find_written(facts(tmp_path / "talk.wav", duration), "auto", None)


def test_more_than_can_be_said_is_left_out(tmp_path):
    """Words are judged one by one: what lies beside a second may not ask for hours."""
    written = beside(tmp_path, LINE * 20_000)
    assert written.transcript is None
    assert "its 20000 cues hold 259999 characters, more than can be said" in written.warnings[0]
    assert "in the 0:09.0 of the recording" in written.warnings[0]


def test_a_subtitle_track_of_more_than_can_be_said_is_left_out(tmp_path):
    captions = [Caption(Segment(0.1, 0.9), "I am so glad. " * 5000)]
    found = Written().completed(facts(tmp_path / "a.mkv", 1.0), captions, "auto")
    assert found.transcript is None
    assert "its 1 lines hold 70000 characters, more than can be said" in found.warnings[0]
    captions = [Caption(Segment(0.1, 0.9), "I am so glad. " * 50)]
    assert Written().completed(facts(tmp_path / "a.mkv", 1.0), captions, "auto").transcript


def test_fast_speech_and_captions_that_roll_are_not_too_much(tmp_path):
    hour = [(i * 2.0, i * 2.0 + 2.0) for i in range(1800)]
    row = "and then I said that I would never go there again, so we "  # 28 letters a second
    written = beside(tmp_path, srt(hour, [f"{row}\n{row}\n{row}"] * 1800), duration=3600.0)
    assert len(written.transcript.lines) > 0


def test_the_most_that_can_be_said_grows_with_the_recording():
    assert most_characters(10.0) == SPARE + 10 * DENSEST
    assert most_characters(0.0) == most_characters(1e9) > 5_000_000


def test_a_link_beside_a_recording_is_not_followed(tmp_path):
    secret = tmp_path / "secret" / "diary.srt"
    secret.parent.mkdir()
    secret.write_text(LINE)
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "talk.wav").touch()
    (folder / "talk.srt").symlink_to(secret)
    written = find_written(facts(folder / "talk.wav"), "auto", None)
    assert written.transcript is None
    assert "is a link to another file and is not followed" in written.warnings[0]
    assert read_transcript(folder / "talk.srt", 9.0).transcript is not None


def test_links_beside_a_recording_that_is_one_are_followed(tmp_path):
    """Folders whose files all are links into a store (git-annex, DVC)."""
    for name, content in (("1", ""), ("2", LINE)):
        (tmp_path / name).write_text(content)
    (tmp_path / "talk.wav").symlink_to(tmp_path / "1")
    (tmp_path / "talk.srt").symlink_to(tmp_path / "2")
    assert find_written(facts(tmp_path / "talk.wav"), "auto", None).transcript is not None


@pytest.mark.parametrize("name", ["talk\n.wav", "talk\x1b[2J.wav", "talk\u202e.wav", "t\udcff.wav"])
@pytest.mark.parametrize("content", ["PK\3\4", LINE, "", "no times", "1\n9:9:9 --> 1\nx\n"])
def test_warnings_show_names_as_one_printable_line(tmp_path, name, content):
    path = tmp_path / name
    path.touch()
    for suffix in (".srt", ".de.srt"):
        path.with_name(path.stem + suffix).write_text(content)
    for warning in find_written(facts(path), "auto", None).warnings:
        assert warning.isprintable()
    with pytest.raises(InputError) as error:
        read_cues(path.with_name(name + ".nothing"))
    assert str(error.value).isprintable()
    assert shown(path.name) in str(error.value)


def test_a_name_that_no_file_can_have_is_not_there():
    for name in ("a" * 5000 + ".srt", "a\0b.srt"):
        with pytest.raises(InputError, match="There is no transcript"):
            read_cues(Path(name))


def test_a_file_named_dash_is_not_the_standard_input(tmp_path):
    """pympi reads the standard input for ``-``: it would wait for ever."""
    (tmp_path / "-").write_text('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    code = "import pathlib, mien.perceive.formats as f; f.read_cues(pathlib.Path('-'))"
    reader, writer = os.pipe()  # an input that never ends
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], stdin=reader, cwd=tmp_path, capture_output=True,
            timeout=60, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(reader)
        os.close(writer)
    assert "TextGrid that is damaged" in done.stderr
