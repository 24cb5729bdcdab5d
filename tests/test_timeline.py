"""Smoothing, events and summaries on planted courses."""

from dataclasses import replace

import numpy as np
import pytest

from mien.analysis.evidence import Evidence
from mien.analysis.judged import TrackSummary
from mien.temporal.baseline import ENOUGH_ITEMS, ENOUGH_SECONDS, LEAST
from mien.temporal.events import changes, find_events, follow, summarise
from mien.temporal.smoothing import smooth
from mien.timebase import Segment


def row(label, top=0.7):
    probs = np.full(7, (1 - top) / 6)
    probs[label] = top
    return probs, 0.8


def evidence(rows, step=2.0, name="fused"):
    segments = tuple(Segment(i * step, (i + 1) * step) for i in range(len(rows)))
    return Evidence.of_rows(name, segments, rows)


JOY, NEUTRAL, SADNESS = 3, 4, 5


def test_a_single_outlier_is_smoothed_away_and_absence_stays():
    rows = [row(JOY)] * 4 + [row(SADNESS, 0.4)] + [row(JOY)] * 4 + ["no face in view"]
    smoothed = smooth(evidence(rows))
    assert smoothed.top(4) == "joy"
    assert smoothed.reasons[-1] == "no face in view"
    assert np.isnan(smoothed.probs[-1]).all()


def test_a_cut_ends_the_memory():
    rows = [row(JOY)] * 6 + [row(SADNESS, 0.4)]
    apart = smooth(evidence(rows), breaks=[12.0])
    assert apart.probs[6] == pytest.approx(evidence(rows).probs[6])
    assert smooth(evidence(rows)).probs[6, JOY] > apart.probs[6, JOY]


def test_what_never_changes_is_nearly_left_as_it_is():
    rows = [row(JOY, 0.45)] * 20
    assert smooth(evidence(rows, 0.5)).probs[10, JOY] == pytest.approx(0.45, abs=0.1)


def test_the_rows_break_where_another_becomes_primary_and_not_where_one_is_larger():
    segments = [Segment(i, i + 1.0) for i in range(6)]
    large = TrackSummary(1, Segment(2.0, 6.0), 20, 90.0, prominence=0.2)
    speaks = TrackSummary(0, Segment(0.0, 4.0), 20, 50.0, prominence=0.4, lips=0.6)
    assert changes(segments, [speaks, large]) == [4.0]
    sizes = [replace(face, prominence=None) for face in (speaks, large)]
    assert changes(segments, sizes) == [2.0]  # an analysis of an earlier version


def test_onset_peak_and_shift_with_times_and_the_modality_that_led():
    fused = evidence([row(NEUTRAL), row(NEUTRAL), row(JOY), row(JOY, 0.9), row(SADNESS)])
    face = evidence([row(NEUTRAL), row(NEUTRAL), row(JOY), row(JOY), row(JOY)], name="face")
    voice = evidence([row(NEUTRAL)] * 4 + [row(SADNESS)], name="voice")
    found = [(e.kind, e.time, e.label, e.before, e.led_by) for e in find_events(
        fused, {"face": face, "voice": voice}
    )]  # fmt: skip
    assert found == [
        ("onset", 4.0, "joy", "neutral", "face"),
        ("peak", 7.0, "joy", "", "face"),
        ("shift", 8.0, "sadness", "joy", "voice"),
        ("peak", 9.0, "sadness", "", "voice"),
    ]


def test_a_summary_weighs_by_time_and_names_the_most_ambiguous_moment():
    segments = (Segment(0, 6), Segment(6, 8), Segment(8, 10))
    rows = [row(JOY), row(SADNESS, 0.2), "no speech"]
    summary = summarise(Evidence.of_rows("fused", segments, rows), None)
    assert summary.judged == 8.0
    assert summary.share["joy"] == pytest.approx(0.75)
    assert summary.dominant == "joy"
    assert summary.ambiguous == segments[1]


# --- what is usual for a person --------------------------------------------------------------


def face_of(rows, step=2.0, faces=None):
    found = evidence(rows, step, "face")
    seen = faces or (TrackSummary(0, Segment(0.0, step * len(rows)), 60, 90.0, prominence=0.5),)
    return follow(found, {"face": found}, {}, (), seen).baselines


def test_a_resting_face_that_looks_sad_departs_where_it_is_joyful():
    resting, joyful = row(SADNESS, 0.5), row(JOY, 0.9)
    (one,) = face_of([resting] * 6 + [joyful] * 2 + ["no face in view"] + [resting] * 4)
    assert (one.who, one.rows, one.judged) == (0, 12, 24.0)
    assert sum(one.mean.values()) == pytest.approx(1.0)
    assert one.mean["sadness"] == pytest.approx((10 * 0.5 + 2 * 0.1 / 6) / 12)
    assert one.mean["joy"] == pytest.approx((10 * 0.5 / 6 + 2 * 0.9) / 12)
    (smile,) = one.departures
    assert (smile.segment, smile.label) == (Segment(12.0, 16.0), "joy")
    assert smile.difference == pytest.approx(0.9 - one.mean["joy"])
    assert smile.words == "more joy than this person's average in this recording (+0.68)"


def test_less_of_what_is_usual_is_a_departure_too_and_a_gap_ends_it():
    even = (np.full(7, 1 / 7), 0.8)
    rows = [row(JOY, 0.9)] * 8 + [even, "no face in view", even] + [row(JOY, 0.9)] * 2
    (one,) = face_of(rows)
    assert [(d.segment.start, d.label) for d in one.departures] == [(16.0, "joy"), (20.0, "joy")]
    assert all(d.difference < -LEAST for d in one.departures)
    assert one.departures[0].words.startswith("less joy than this person's average")


def test_a_face_seen_for_a_short_time_has_no_baseline():
    assert face_of([row(JOY)] * (ENOUGH_ITEMS - 1), 5.0) == ()
    assert face_of([row(JOY)] * ENOUGH_ITEMS, 0.9 * ENOUGH_SECONDS / ENOUGH_ITEMS) == ()
    assert len(face_of([row(JOY)] * ENOUGH_ITEMS, ENOUGH_SECONDS / ENOUGH_ITEMS)) == 1


def test_rows_count_for_the_time_that_they_stand_for():
    spans = [Segment(0.0, 20.0), *(Segment(20.0 + i, 21.0 + i) for i in range(10))]
    rows = [row(JOY, 1.0), *[row(SADNESS, 1.0)] * 10]
    face = Evidence.of_rows("face", spans, rows)
    (one,) = follow(
        face, {"face": face}, {}, (), (TrackSummary(0, Segment(0, 30), 9, 9.0),)
    ).baselines
    assert one.mean["joy"] == pytest.approx(20 / 30)


def test_each_person_has_their_own_baseline():
    faces = (
        TrackSummary(0, Segment(0.0, 24.0), 60, 90.0, prominence=0.5),
        TrackSummary(1, Segment(24.0, 48.0), 60, 90.0, prominence=0.5),
    )
    first, second = face_of([row(JOY, 0.9)] * 12 + [row(SADNESS, 0.8)] * 12, faces=faces)
    assert (first.who, first.mean["joy"]) == (0, pytest.approx(0.9))
    assert (second.who, second.mean["sadness"]) == (1, pytest.approx(0.8))
    # Nobody departs: each is as usual, however different the two are.
    assert first.departures == second.departures == ()
    shown = {who: evidence([row(JOY, 0.9)] * 12, name="face") for who in (3, 4)}
    both = follow(shown[3], {"face": shown[3]}, shown, (), faces).baselines
    assert [one.who for one in both] == [3, 4]
