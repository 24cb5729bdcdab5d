"""Figures over time and of the sound, with what they show planted."""

import wave
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.text import Text
from typer.testing import CliRunner

from mien.analysis.analysis import Analysis, Provenance
from mien.analysis.evidence import Evidence
from mien.analysis.timeline import Event
from mien.cli import app
from mien.emotions import MIEN7
from mien.errors import InputError, OptionError
from mien.report.colours import EMOTIONS
from mien.report.figure import KINDS, save
from mien.scene import ClipFacts
from mien.timebase import Segment

SEGMENTS = (Segment(0.0, 4.0), Segment(2.0, 6.0), Segment(8.0, 10.0))


def row(label, quality=0.5):
    probs = np.full(7, 0.05)
    probs[MIEN7.index(label)] = 0.7
    return probs, quality


@pytest.fixture
def analysis():
    fused = Evidence.of_rows("fused", SEGMENTS, [row("joy"), row("joy"), row("sadness")])
    voice = Evidence.of_rows(
        "voice", SEGMENTS, [row("joy", 0.9), "no speech (in 4.0 s of sound)", row("fear", 0.3)]
    )
    return Analysis(
        clip=ClipFacts("clip.wav", "recording", 10.0, "wav", has_audio=True),
        segments=SEGMENTS,
        fused=fused,
        by_branch={"voice": voice},
        provenance=Provenance("0", "3", {}, {}, {}),
        speech=(Segment(1.0, 2.0),),
        shots=(7.0,),
        events=(Event("peak", 2.0, "joy", "", 0.7, "voice"),),
    )


def lanes(figure):
    return {axes.get_ylabel(): axes for axes in figure.axes}


def boxes(axes):
    """Start, end, height and colour of everything filled."""
    return [
        (*corners.min(axis=0)[:1], *corners.max(axis=0), to_hex(one.get_facecolor()[0]))
        for one in axes.collections
        if isinstance(one, PolyCollection)
        for corners in (path.vertices for path in one.get_paths())
    ]


def test_bands_are_as_high_as_the_quality_and_hatched_where_absent(analysis):
    voice = lanes(analysis.plot(kind="timeline"))["voice"]
    drawn = boxes(voice)
    assert (0.0, 3.0, 0.9, EMOTIONS["joy"].lower()) in drawn
    assert (8.0, 10.0, 0.3, EMOTIONS["fear"].lower()) in drawn
    (hatched,) = [c for c in voice.collections if c.get_hatch()]
    assert [p.get_extents().intervalx.tolist() for p in hatched.get_paths()] == [[3.0, 6.0]]
    assert any("no speech" in text.get_text() for text in voice.texts)


def test_the_stack_is_of_the_smoothed_rows_and_leaves_gaps(analysis):
    def joy(value):
        drawn = lanes(value.plot(kind="timeline"))["fused"].collections[3].get_paths()
        middle = [p.vertices for p in drawn if p.get_extents().x0 < 1]
        return np.ptp(middle[0][:, 1])

    assert joy(analysis) == pytest.approx(0.7)
    flat = np.full(7, 1 / 7), 1.0
    smoothed = {"fused": Evidence.of_rows("fused", SEGMENTS, [flat, flat, flat])}
    assert joy(replace(analysis, smoothed=smoothed)) == pytest.approx(1 / 7)
    filled = lanes(analysis.plot(kind="timeline"))["fused"].collections[3].get_paths()
    spans = sorted((p.get_extents().x0, p.get_extents().x1) for p in filled)
    assert spans == [(0.0, 6.0), (8.0, 10.0)]


def test_cuts_events_and_speech_stand_at_their_times(analysis):
    shown = lanes(analysis.plot(kind="timeline"))
    assert all(7.0 in [line.get_xdata()[0] for line in axes.lines] for axes in shown.values())
    marks = [line for line in shown["events"].lines if line.get_marker() == "o"]
    assert [(m.get_xdata()[0], m.get_ydata()[0], m.get_color()) for m in marks] == [
        (2.0, 0.7, EMOTIONS["joy"])
    ]
    assert [box[:2] for box in boxes(shown["speech"])] == [(1.0, 2.0)]
    many = replace(analysis, shots=tuple(np.linspace(0, 10, 200).tolist()))
    strips = lanes(many.plot(kind="timeline"))
    assert [len(strips[name].lines) for name in ("fused", "voice", "speech")] == [0, 0, 200]


def test_no_text_is_smaller_than_nine_points_and_all_formats_are_written(analysis, tmp_path):
    for kind in ("bars", "timeline"):
        figure = analysis.plot(kind=kind)
        for suffix in (".png", ".svg", ".pdf"):
            save(figure, tmp_path / f"{kind}{suffix}")
            assert (tmp_path / f"{kind}{suffix}").stat().st_size > 3000
        texts = [text for text in figure.findobj(Text) if text.get_text().strip()]
        assert min(text.get_fontsize() for text in texts) >= 9
        assert len(texts) > 8


def test_the_kind_follows_from_the_segments(analysis):
    assert "speech" in lanes(analysis.plot())
    assert "probability" in lanes(analysis.plot(2))
    assert "probability" in lanes(analysis.between(7, 10).plot())
    with pytest.raises(OptionError, match="timeline"):
        analysis.plot(kind="pie")
    instant = (Segment(0.0, 0.0),)
    picture = replace(
        analysis,
        clip=ClipFacts("a.png", "picture", 0.0, "png"),
        segments=instant,
        fused=Evidence.of_rows("fused", instant, [row("joy")]),
        by_branch={},
    )
    with pytest.raises(OptionError, match="A picture has no time"):
        picture.plot(kind="timeline")


@pytest.fixture
def tone(tmp_path):
    """Ten seconds of silence but for a tone of 1 kHz from 4 to 6 s."""
    times = np.arange(160_000) / 16_000
    sound = np.where((times >= 4) & (times < 6), 0.5 * np.sin(2 * np.pi * 1000 * times), 0.0)
    with wave.open(str(tmp_path / "clip.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    return tmp_path / "clip.wav"


def test_the_sound_is_drawn_where_it_sounds(analysis, tone, tmp_path):
    figure = analysis.plot(kind="sound", media=tone)
    (image,) = lanes(figure)["kHz"].images
    levels = image.get_array()
    bins, columns = levels.shape
    loudest = np.unravel_index(np.argmax(levels), levels.shape)
    assert loudest[0] / (bins - 1) * 8000 == pytest.approx(1000, abs=40)
    assert 4 <= loudest[1] / columns * 10 <= 6
    assert levels[:, : int(0.38 * columns)].max() < -60
    save(figure, tmp_path / "sound.png")
    with pytest.raises(InputError, match=r"gone\.wav does not exist; name the"):
        analysis.plot(kind="sound", media=tmp_path / "gone.wav")


def test_the_sound_of_a_part_is_heard_alone(analysis, tone):
    figure = replace(analysis, part=Segment(4.5, 5.5)).plot(kind="sound", media=tone)
    image = lanes(figure)["kHz"].images[0]
    assert image.get_extent()[:2] == [4.5, 5.5]
    assert image.get_array().max(axis=0).min() > -15


def test_figures_are_drawn_of_what_was_written(analysis, tone, tmp_path):
    (tmp_path / "a.json").write_text(analysis.to_json(), encoding="utf-8")
    runner = CliRunner()
    given = ["export", str(tmp_path / "a.json"), str(tmp_path / "a.svg"), str(tmp_path / "a.csv")]
    assert runner.invoke(app, given).exit_code == 0
    drawn = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert drawn.tag == "{http://www.w3.org/2000/svg}svg"
    written = (tmp_path / "a.svg").read_text()
    assert all(f"<!-- {lane} -->" in written for lane in ("fused", "voice", "speech", "events"))
    assert (tmp_path / "a.csv").read_text().startswith("segment,start,end")
    wanted = [*given[:2], str(tmp_path / "s.png"), "--figure-kind", "sound", "--media", str(tone)]
    assert runner.invoke(app, wanted).exit_code == 0
    assert (tmp_path / "s.png").stat().st_size > 10_000
    refused = runner.invoke(app, [*given, "--figure-kind", "pie"])
    assert isinstance(refused.exception, OptionError)
    assert all(kind in str(refused.exception) for kind in KINDS)
