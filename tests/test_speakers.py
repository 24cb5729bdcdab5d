"""Cue text: what is said, who says it, and nothing else."""

import pytest

from mien.perceive.transcript import read_transcript


def srt(*said):
    return "\n".join(
        f"{i + 1}\n00:00:{2 * i:02},000 --> 00:00:{2 * i + 1:02},500\n{text}\n"
        for i, text in enumerate(said)
    )


def read(tmp_path, text, name="a.srt"):
    path = tmp_path / name
    path.write_text(text)
    return read_transcript(path, 1000.0).transcript


def lines(tmp_path, *said):
    return [(line.speaker, line.text) for line in read(tmp_path, srt(*said)).lines]


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("8a3c1f7e-0c1b-4b6e-9f1a-3f3c1f7e0c1b/12-0", "a.vtt"),
        ("8a3c1f7e-0c1b-4b6e-9f1a-3f3c1f7e0c1b/12-0", "a.srt"),
        ("12", "a.vtt"),
        ("intro - the first", "a.vtt"),
        ("cue_12", "a.srt"),
    ],
)
def test_an_identifier_is_no_word(tmp_path, identifier, name):
    cues = "\n\n".join(
        f"{identifier}{i}\n00:00:0{i}.200 --> 00:00:0{i}.900\nWell number {i}" for i in (1, 2, 3)
    )
    head = "WEBVTT\n\n" if name.endswith("vtt") else ""
    transcript = read(tmp_path, head + cues + "\n", name)
    assert [line.text for line in transcript.lines] == [f"Well number {i}" for i in (1, 2, 3)]


def test_what_webvtt_has_beside_cues_is_no_word(tmp_path):
    text = """WEBVTT - a title
Kind: captions
X-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000

STYLE
::cue { color: red }

REGION
id:fred
width:40%

NOTE a note
of two rows

1 - first
00:01.000 --> 00:02.000 region:fred
Well, <00:01.500><c.yellow>hello</c> &amp; <ruby>there<rt>here</rt></ruby>

NOTE 00:02.000 --> 00:02.500
Commented out

NOTE
Also not said

00:03.000 --> 00:04.000
A &lt; B&nbsp;&#39;now&#x27;
"""
    transcript = read(tmp_path, text, "a.vtt")
    assert [line.text for line in transcript.lines] == ["Well, hello & there", "A < B 'now'"]


MARKUP = {
    '<font color="#00ff00"><i>I am</i></font> so {\\an8}<b>happy</b> &amp; glad':
        "I am so happy & glad",
    "&lt;i&gt;I am&lt;/i&gt; here": "I am here",
    "I <3 you": "I <3 you",
    "if x < y and y > z": "if x < y and y > z",
    "AT&T, R&D and M&Ms;": "AT&T, R&D and M&Ms;",
    "{y:i}I am{Y:b} here": "I am here",
    "\u202aI am\u202c \u200bhere\ufeff": "I am here",
    "\u266a I am here \u266b": "I am here",
    "# I am here #": "I am here",
    "I am [sighs] here (quietly)": "I am here",
    "\u3010music\u3011 I am here": "I am here",
    "I am<br/>here": "I am here",
    "&eacute;t&eacute; &quot;here&quot;": '\u00e9t\u00e9 "here"',
    "- I am here\n- So am I": "I am here So am I",
    ">> I am here": "I am here",
    ">>> I am here": "I am here",
    "No!!!! " + "!" * 1000 + " I am here......": "No!!!! !!! I am here......",
    ">> I am here. >> So am I. &gt;&gt; And I.": "I am here. So am I. And I.",
}  # fmt: skip


@pytest.mark.parametrize("text", MARKUP)
def test_markup_and_sounds_are_no_words(tmp_path, text):
    (line, _) = read(tmp_path, srt(text, "And then?")).lines
    assert line.text == MARKUP[text]
    assert line.speaker is None


@pytest.mark.parametrize("sound", ["[Music]", "(applause)", "\u266a", "*sighs*", "#", "<i>[x]</i>"])
def test_a_cue_of_a_sound_alone_is_counted(tmp_path, sound):
    transcript = read(tmp_path, srt(sound, "And then?"))
    assert [line.text for line in transcript.lines] == ["And then?"]
    assert [(d.reason, d.count) for d in transcript.dropped] == [("a note on a sound", 1)]


NAMED = {
    "[SPEAKER_00]: Well, hello": ("SPEAKER_00", "Well, hello"),
    "[SPEAKER_01] Well, hello": ("SPEAKER_01", "Well, hello"),
    "SPEAKER_02: Well, hello": ("SPEAKER_02", "Well, hello"),
    "Speaker 1: Well, hello": ("Speaker 1", "Well, hello"),
    "[Ann Lee]: Well, hello": ("Ann Lee", "Well, hello"),
    "(Ann): Well, hello": ("Ann", "Well, hello"),
    ">> ANN LEE: Well, hello": ("ANN LEE", "Well, hello"),
    "- MARY: Well, hello": ("MARY", "Well, hello"),
    "MARY (O.S.): Well, hello": ("MARY", "Well, hello"),
    "Narrator: Well, hello": ("Narrator", "Well, hello"),
    "Interviewer 2: Well, hello": ("Interviewer 2", "Well, hello"),
    "P1: Well, hello": ("P1", "Well, hello"),
}


@pytest.mark.parametrize("text", NAMED)
def test_one_row_is_enough_for_what_can_only_be_a_speaker(tmp_path, text):
    found = lines(tmp_path, text, "I am fine.", "And you?", "Not so well.")
    assert found == [NAMED[text], (None, "I am fine."), (None, "And you?"), (None, "Not so well.")]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Ann Lee", "Bob Smith"),
        ("Ann", "Bob"),
        ("Dr. Ann Lee", "Bob van der Berg"),
        ("Lee, Ann (HR)", "Smith, Bob"),
        ("Zo\u00eb", "\u0141ukasz"),
        ("O'Neil", "Anne-Marie"),
        ("Q", "A"),
    ],
)
def test_names_that_most_cues_have_are_speakers(tmp_path, one, two):
    found = lines(tmp_path, f"{one}: I am fine.", f"{two}: And you: well?", f"{one}: Not so well.")
    first = one.split(" (")[0]
    assert found == [(first, "I am fine."), (two, "And you: well?"), (first, "Not so well.")]


def test_a_whole_name_before_a_third_of_few_cues_is_a_speaker(tmp_path):
    found = lines(tmp_path, "Ann Lee: I am so happy.", "How dare you?", "I'm terrified.")
    assert found == [
        ("Ann Lee", "I am so happy."),
        (None, "How dare you?"),
        (None, "I'm terrified."),
    ]


def test_a_name_that_comes_back_now_and_then_is_a_speaker(tmp_path):
    said = ["Ann Lee: So it goes." if i in {3, 17} else f"I see {i} of them." for i in range(30)]
    assert {who for who, _ in lines(tmp_path, *said)} == {None, "Ann Lee"}


SENTENCES = (
    "Remember: stay calm", "One thing: I love it", "Note: this is new", "Look: a bird!",
    "Breaking: the mayor resigned", "My advice: leave", "Warning: it is hot",
    "Paris: the city of love", "PS: I love you", "NOTE: It is late", "Step One: breathe",
    "Chapter 2: the return", "It is 10:30 now", "He said: No", "Two words: Thank you",
    "Question: who is that?", "Guess what: I won", "Dear John: it is over", "And then: nothing",
    "http://example.com is down", "John 3:16 says so", "Ladies and gentlemen: welcome",
)  # fmt: skip


@pytest.mark.parametrize("said", SENTENCES)
def test_a_sentence_with_a_colon_names_nobody(tmp_path, said):
    assert lines(tmp_path, said, "I am fine.", "And you?") == [
        (None, said), (None, "I am fine."), (None, "And you?")
    ]  # fmt: skip


def test_all_such_sentences_together_name_nobody(tmp_path):
    assert {who for who, _ in lines(tmp_path, *SENTENCES)} == {None}
    assert {who for who, _ in lines(tmp_path, *(["Remember: stay calm"] * 5))} == {None}


def test_a_word_that_also_stands_in_small_letters_is_no_name(tmp_path):
    said = ["Courage: it is all we have", "Patience: it comes", "I have courage and patience."]
    assert {who for who, _ in lines(tmp_path, *said)} == {None}


def test_two_who_speak_in_one_cue_are_two_lines_that_share_its_time(tmp_path):
    text = "WEBVTT\n\n00:00.000 --> 00:04.000\n<v Ann>Yes.</v>\n<v Bob>No, not so.</v>\n"
    first, second = read(tmp_path, text, "a.vtt").lines
    assert (first.speaker, first.text) == ("Ann", "Yes.")
    assert (second.speaker, second.text) == ("Bob", "No, not so.")
    assert first.segment.start == 0.0
    assert 0.5 < first.segment.end == second.segment.start < 2.0
    assert second.segment.end == 4.0
    found = lines(tmp_path, "Ann: Yes.\nBob: No.", "Ann: Well.", "Bob: So.")
    assert found == [("Ann", "Yes."), ("Bob", "No."), ("Ann", "Well."), ("Bob", "So.")]


@pytest.mark.parametrize(
    "tag", ["<v Lee, Ann (HR)>", "<v.loud Lee, Ann (HR)>", "<V Lee, Ann (HR)>"]
)
def test_a_voice_tag_names_the_speaker(tmp_path, tag):
    text = f"WEBVTT\n\n00:00.000 --> 00:04.000\n{tag}Yes &amp; no\n"
    (line,) = read(tmp_path, text, "a.vtt").lines
    assert (line.speaker, line.text) == ("Lee, Ann (HR)", "Yes & no")


def test_a_name_that_stands_in_the_tag_and_in_the_words_is_said_once(tmp_path):
    text = "WEBVTT\n\n00:00.000 --> 00:04.000\n<v Ann>Ann: Yes\n\n00:05.000 --> 00:06.000\nNo\n"
    assert [(li.speaker, li.text) for li in read(tmp_path, text, "a.vtt").lines] == [
        ("Ann", "Yes"), (None, "No")
    ]  # fmt: skip


def test_substation_and_ttml_have_a_place_for_the_speaker(tmp_path):
    ass = (
        "[Script Info]\n[Events]\nFormat: Layer, Start, End, Style, Name, MarginL, MarginR, "
        "MarginV, Effect, Text\nDialogue: 0,0:00:00.20,0:00:02.30,Default,Ann,0,0,0,,Yes, no\n"
    )
    ttml = (
        '<tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata">'
        '<head><metadata><ttm:agent xml:id="a1" type="person"><ttm:name type="full">Ann'
        '</ttm:name></ttm:agent></metadata></head><body><div><p begin="0s" end="1s" '
        'ttm:agent="a1">Yes, no</p></div></body></tt>'
    )
    for name, text in (("a.ass", ass), ("a.ttml", ttml)):
        (line,) = read(tmp_path, text, name).lines
        assert (line.speaker, line.text) == ("Ann", "Yes, no")


def test_names_in_a_plain_text_are_no_words(tmp_path):
    text = "Ann: I am fine.\nBob: And you?\nAnn: Not so well.\n"
    (line,) = read(tmp_path, text, "a.txt").lines
    assert line.text == "I am fine. And you? Not so well."


def test_words_that_are_left_out_have_no_time_either(tmp_path):
    import json

    said = ["[SPEAKER_00]:", "Well,", "(laughs)", "hello"]
    words = [{"word": w, "start": i, "end": i + 1} for i, w in enumerate(said)]
    value = {"segments": [{"start": 0, "end": 4, "text": " ".join(said), "words": words}]}
    (line,) = read(tmp_path, json.dumps(value), "a.json").lines
    assert (line.speaker, line.text) == ("SPEAKER_00", "Well, hello")
    assert [(w.text, w.segment.start) for w in line.words] == [("Well,", 1), ("hello", 3)]


def test_any_spelling_is_a_name_where_nearly_every_cue_has_one(tmp_path):
    named = ("ann lee", "John's iPhone", "+1 555 123", "bob_smith23", "ann lee")
    found = lines(tmp_path, *(f"{who}: I am here" for who in named))
    assert found == [(who, "I am here") for who in named]
    assert lines(tmp_path, "ann: I am here", "So am I", "And I", "ann: Well") == [
        (None, "ann: I am here"), (None, "So am I"), (None, "And I"), (None, "ann: Well")
    ]  # fmt: skip


def test_a_name_in_a_row_of_its_own_above_the_words_is_a_speaker(tmp_path):
    found = lines(tmp_path, "Lee, Ann\nHello there", "Smith, Bob\nHi\nand bye")
    assert found == [("Lee, Ann", "Hello there"), ("Smith, Bob", "Hi and bye")]
    found = lines(tmp_path, "Well I Never\nthought so", "And then\nhe left")
    assert [who for who, _ in found] == [None, None]


def test_a_speaker_without_a_letter_is_none(tmp_path):
    text = "WEBVTT\n\n00:00.000 --> 00:04.000\n<v ->Yes\n"
    assert [line.speaker for line in read(tmp_path, text, "a.vtt").lines] == [None]
