"""Rows of a recording that was cut by speaker: whose each is, and one for each speaker."""

import numpy as np
import pytest
from rich.console import Console

from mien.analysis.analysis import Analysis, Provenance
from mien.analysis.evidence import Evidence
from mien.report import table
from mien.report.speakers import NAMELESS, row_speakers, speaker_rows
from mien.scene import TRANSCRIPT, ClipFacts, Scene
from mien.segmentation import SegmentationOptions, segments_of
from mien.timebase import Segment
from mien.words import Line, Transcript

FACTS = ClipFacts("a.wav", "recording", 12.0, "wav", has_audio=True)


def row(label, p):
    probs = np.full(7, (1 - p) / 6)
    probs[label] = p
    return probs


def analysis(by="speaker", names=("Ann", "Bob", "Ann", None)):
    said = zip(names, [(0, 1), (1, 3), (3, 6.0004), (6.0004, 7)], strict=True)
    lines = tuple(Line(Segment(*time), "words", speaker=who) for who, time in said)
    transcript = Transcript(lines, "given")
    segments = segments_of(Scene(FACTS, {TRANSCRIPT: transcript}), SegmentationOptions(by))
    rows = [(row(3, 0.9), 1.0), (row(0, 0.8), 0.5), (row(3, 0.4), 1.0), "no speech"]
    fused = Evidence.of_rows("fused", segments, rows[: len(segments)])
    options = {"cut": {"by": by}}
    return Analysis(
        clip=FACTS, segments=segments, fused=fused, by_branch={}, transcript=transcript,
        provenance=Provenance("0", "3", {}, options, {}),
    )  # fmt: skip


def test_each_row_has_its_speaker_after_writing_and_reading_too():
    value = analysis()
    assert row_speakers(value) == ["Ann", "Bob", "Ann", NAMELESS]
    assert row_speakers(Analysis.from_dict(value.to_dict())) == ["Ann", "Bob", "Ann", NAMELESS]
    assert row_speakers(analysis("clip")) is None
    assert row_speakers(analysis(names=(None,) * 4)) is None


def test_a_speaker_has_one_row_pooled_from_the_turns():
    ann, bob, nobody = speaker_rows(analysis())
    assert (ann.who, ann.turns, bob.who, bob.turns) == ("Ann", 2, "Bob", 1)
    assert ann.seconds == pytest.approx(4.0, abs=1e-3)
    assert bob.probs == pytest.approx(row(0, 0.8))
    assert (nobody.who, nobody.probs) == (NAMELESS, None)
    # By hand: geometric mean with weights 1 and 3 (seconds, both of quality 1).
    joy, rest = 0.9**0.25 * 0.4**0.75, (0.1 / 6) ** 0.25 * 0.1**0.75
    assert ann.probs[3] == pytest.approx(joy / (joy + 6 * rest), abs=1e-3)
    assert ann.probs.sum() == pytest.approx(1.0)
    assert speaker_rows(analysis("utterance")) == []


def test_the_table_names_them_within_80_columns():
    console = Console(width=80, record=True)
    console.print(table.render(analysis(names=("Ann", "Lee, Bob (Human Resources)", "Ann", None))))
    text = console.export_text()
    assert "0:00.0-0:01.0 Ann" in text
    (line,) = (one for one in text.splitlines() if one.startswith("Lee, Bob (H\u2026"))
    assert line.split()[-1] == "anger"
    assert all(name in text for name in ("by speaker", NAMELESS, "surprise"))


def test_a_name_in_brackets_is_shown_as_it_is():
    console = Console(width=80, record=True)
    console.print(table.render(analysis(names=("[red]Ann[/red]", "[bold]", "Ann", None))))
    text = console.export_text()
    assert "0:00.0-0:01.0 [red]Ann[/red]" in text
    assert "0:01.0-0:03.0 [bold]" in text
