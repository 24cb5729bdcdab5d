"""Derived tracks over time: what they are, how they are cut, written, drawn and exported."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

import mien
from mien.analysis.judged import Judged
from mien.analysis.signals import SignalTrack
from mien.errors import ContractError, OptionError
from mien.report import table
from mien.report.export import export
from mien.report.page.data import page_data
from mien.report.page.media import page_media
from mien.timebase import Segment
from tests.pages import planted

TIMES = np.arange(6) + 0.5
GAP = "flat line"


def pulse(**more):
    values = [60.0, 61.0, GAP, GAP, 70.0, 72.0]
    return SignalTrack.of(
        "heart rate", "bpm", TIMES, values, [1, 0.9, 0.8, 0.7, 0.6, 0.5], branch="body",
        source="talk.csv", **more,
    )  # fmt: skip


def peaks():
    return SignalTrack.of(
        "skin responses", "µS", [1.2, 4.9], [0.3, 0.1], [1, 1], branch="body", kind="points"
    )


def nothing():
    return SignalTrack.of("breath rate", "/min", TIMES, [GAP] * 6, np.zeros(6), branch="body")


@pytest.fixture
def analysis():
    return replace(planted(), signals=(pulse(), peaks(), nothing()))


def test_what_is_absent_has_no_quality_and_a_reason():
    track = pulse()
    assert track.values == (60.0, 61.0, None, None, 70.0, 72.0)
    assert track.quality == (1.0, 0.9, 0.0, 0.0, 0.6, 0.5)
    assert track.reasons == ("", "", GAP, GAP, "", "")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"times": (1.0, 0.0, 2.0, 3.0, 4.0, 5.0)}, "out of order"),
        ({"times": (1.0,)}, "as many"),
        ({"reasons": ("",) * 6}, "reason for every absent"),
        ({"reasons": ("why",) * 6}, "for no other"),
        ({"values": (np.inf, 1.0, None, None, 1.0, 1.0)}, "give None"),
        ({"quality": (1.5, 1.0, 0.0, 0.0, 1.0, 1.0)}, r"\[0, 1\]"),
    ],
)
def test_columns_that_do_not_fit_are_refused(change, says):
    with pytest.raises(ContractError, match=says):
        replace(pulse(), **change)


@pytest.mark.parametrize(
    ("name", "unit", "column"),
    [("heart rate", "bpm", "heart_rate_bpm"), ("skin level", "µS", "skin_level_us"),
     ("breath rate", "/min", "breath_rate_per_min"), ("temperature", "°C", "temperature_celsius"),
     ("arousal", "", "arousal")],
)  # fmt: skip
def test_a_column_is_named_in_letters(name, unit, column):
    assert SignalTrack.of(name, unit, [], [], []).column == column


def test_the_mean_of_a_segment_is_of_what_is_there():
    assert pulse().mean(Segment(0, 2)) == 60.5
    assert pulse().mean(Segment(1, 3)) == 61.0
    assert pulse().mean(Segment(2, 4)) is None
    assert peaks().mean(Segment(0, 6)) == 2.0
    assert peaks().mean(Segment(2, 3)) == 0.0


def test_it_is_cut_joined_written_and_read(analysis):
    part = analysis.between(1, 4)
    assert part.signals[0].times == (1.5, 2.5, 3.5)
    assert part.signals[1].times == (1.2,)
    later = replace(analysis, signals=(replace(pulse(), source="later"),))
    both = Judged.join(analysis, later)
    assert [track.source for track in both.signals] == ["later"]
    back = mien.Analysis.from_dict(json.loads(analysis.to_json()))
    assert back.signals == analysis.signals
    assert back.signal("heart rate").values[0] == 60.0
    with pytest.raises(OptionError, match="skin responses"):
        back.signal("pulse")
    old = json.loads(analysis.to_json())
    del old["signals"]
    assert mien.Analysis.from_dict(old).signals == ()


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_has_a_column_each_on_the_fused_rows(analysis, tmp_path):
    export(analysis, tmp_path / "a.csv")
    rows = rows_of(tmp_path / "a.csv")
    for row in rows:
        segment = Segment(float(row["start"]), float(row["end"]))
        mean = pulse().mean(segment) if row["branch"] == "fused" else None
        assert row["heart_rate_bpm"] == ("" if mean is None else str(mean))
        assert row["breath_rate_per_min"] == ""
    counts = [r["skin_responses_us"] for r in rows if r["branch"] == "fused"]
    assert set(counts) == {"0.0", "1.0"}
    export(analysis, tmp_path / "a.csv")  # it is recognised as ours
    frame = analysis.to_frame()
    assert frame["heart_rate_bpm"].notna().sum() > 3


def test_a_table_of_signals_has_a_row_a_sample(analysis, tmp_path):
    path = tmp_path / "a.signals.csv"
    export(analysis, path)
    rows = rows_of(path)
    assert len(rows) == 6 + 2 + 6
    assert rows[0] == {
        "time": "0.5", "signal": "heart rate", "value": "60.0", "unit": "bpm", "quality": "1.0",
        "reason": "", "branch": "body", "source": "talk.csv",
    }  # fmt: skip
    assert (rows[2]["value"], rows[2]["reason"]) == ("", GAP)
    export(analysis, path)  # it is recognised as ours
    (tmp_path / "b.signals.csv").write_text("time,signal\n")
    with pytest.raises(OptionError, match="overwrite"):
        export(analysis, tmp_path / "b.signals.csv")


def test_a_tier_each_has_the_means_of_the_segments(analysis, tmp_path):
    pympi = pytest.importorskip("pympi")
    export(analysis, tmp_path / "a.eaf")
    tiers = pympi.Eaf(str(tmp_path / "a.eaf"))
    found = tiers.get_annotation_data_for_tier("heart rate")
    texts = [text for *_, text in sorted(found)]
    assert texts[0] == "60 bpm"
    assert texts[-1] == "72 bpm"
    assert not any(1_800 < start < 3_200 and end < 3_800 for start, end, _ in found)
    assert tiers.get_annotation_data_for_tier("breath rate") == []
    counts = [text for *_, text in tiers.get_annotation_data_for_tier("skin responses")]
    assert set(counts) == {"0", "1"}


def test_the_page_has_their_samples_and_reasons(analysis):
    data = page_data(analysis, page_media(None, "none", None))
    first, second, third = data["signals"]
    assert first["t"] == TIMES.tolist()
    assert first["v"][:3] == [60.0, 61.0, None]
    assert [data["reasons"][r] if r >= 0 else "" for r in first["r"]] == list(pulse().reasons)
    assert second["points"]
    assert third["v"] == [None] * 6


def test_the_terminal_names_what_is_there_and_why_something_is_not(analysis):
    console = Console(record=True, width=120, file=io.StringIO())
    console.print(table.render(analysis))
    said = console.export_text()
    assert "heart rate" in said
    assert "67%" in said.replace(" %", "%")
    assert "2 in all" in said
    assert f"breath rate is absent: {GAP}" in said


def test_the_timeline_has_a_strip_each(analysis):
    figure = analysis.plot(kind="timeline")
    names = [axes.get_ylabel() for axes in figure.axes]
    assert names[-4:] == ["heart rate", "skin responses", "breath rate", "speech"]
    strip = figure.axes[-4]
    (line,) = (one for one in strip.lines if len(one.get_xdata()) == 6)
    assert np.allclose(line.get_ydata(), [60, 61, np.nan, np.nan, 70, 72], equal_nan=True)
    assert [text.get_text() for text in strip.get_yticklabels()] == ["60", "72 bpm"]
    assert any(GAP in text.get_text() for text in figure.axes[-2].texts)
