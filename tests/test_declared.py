"""One declaration a field: it says how the field is cut, joined, written, read and described."""

import json
from dataclasses import dataclass, fields, replace
from typing import Annotated

import jsonschema
import numpy as np
import pytest

from mien.analysis import fields as f
from mien.analysis.analysis import Analysis, Provenance
from mien.analysis.codec import Number, Seconds, codec, read_record, wire_fields
from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Contribution, Decomposition, Disagreement, Explanation
from mien.analysis.fields import cut_to, declared
from mien.analysis.judged import Judged, TrackSummary
from mien.analysis.merge import leading_rows, same_speech, whole_rows
from mien.analysis.schema import json_schema, schema_text
from mien.analysis.signals import SignalTrack
from mien.analysis.timeline import Course, Event, Portrait
from mien.analysis.wire import SCHEMA_FILE, to_wire
from mien.errors import InputError, MienError
from mien.scene import ClipFacts
from mien.timebase import Segment
from mien.words import Line, Transcript

DERIVED = {
    "fused", "explanations", "whole", "smoothed", "events", "summaries", "baselines", "provenance",
}  # fmt: skip


def evidence(branch, segments, label=0):
    rows = [
        (np.eye(7)[(i + label) % 7], 0.5) if i % 3 else f"why {i}" for i in range(len(segments))
    ]
    return Evidence.of_rows(branch, segments, rows)


def judged(start=0, count=4, **more):
    """Rows of a second each; whatever else there is lies at every second."""
    segments = tuple(Segment(float(t), t + 1.0) for t in range(start, start + count))
    lines = tuple(Line(s, f"line {s.start:.0f}") for s in segments)
    return Judged(
        clip=ClipFacts("a.mp4", "recording", 8.123456, "mov", True, True),
        part=Segment(float(start), float(start + count)),
        segments=segments,
        by_branch={"voice": evidence("voice", segments), "face": evidence("face", segments, 2)},
        people={3: evidence("face", segments, 4)},
        transcript=Transcript(lines, "given"),
        lines=evidence("text", segments),
        speech=segments,
        shots=tuple(s.start for s in segments),
        faces=tuple(TrackSummary(i, s, 5, 90.0) for i, s in enumerate(segments)),
        portraits=tuple(Portrait(s.start, 0, b"png") for s in segments),
        signals=(
            SignalTrack.of(
                "pulse", "bpm", [s.start for s in segments], [60.0] * count, [1.0] * count
            ),
        ),
        **more,
    )


def analysis(**more):
    found = judged(**more)
    parts = (Contribution("voice", "joy", 0.25, 1.0, 0.5, "joy", False),)
    told = Explanation(Disagreement(0.5), Decomposition("joy", "fear", 1.5, 0.25, parts))
    course = Course(
        smoothed={"fused": evidence("fused", found.segments)},
        events=tuple(Event("peak", s.middle, "joy", "", 0.5, "voice") for s in found.segments),
    )
    return Analysis.of(
        found,
        course,
        fused=evidence("fused", found.segments),
        explanations=(told,) * len(found.segments),
        provenance=Provenance("0", "3", {}, {"by": "window"}, {"perceive": 1.0}),
    )


def test_every_field_declares_how_it_is_cut_and_what_is_judged_how_it_is_joined():
    assert {one.name for one in fields(Analysis)} - {one.name for one in fields(Judged)} == DERIVED
    for one in fields(Analysis):
        assert callable(one.metadata["cut"]), one.name
        assert (one.metadata["join"] is None) == (one.name in DERIVED), one.name


def test_a_cut_keeps_of_every_field_what_lies_in_the_span():
    part = analysis().between(1.0, 3.0)
    assert part.part == Segment(1.0, 3.0)
    assert [s.start for s in part.segments] == [1.0, 2.0]
    for found in (part.fused, part.by_branch["voice"], part.people[3], part.smoothed["fused"]):
        assert found.segments == part.segments
    assert part.by_branch["voice"].reasons == ("", "")
    assert part.by_branch["face"].top(0) == analysis().by_branch["face"].top(1)
    assert [line.text for line in part.transcript.lines] == ["line 1", "line 2"]
    assert part.lines.segments == part.segments
    assert part.speech == part.segments
    assert part.shots == (1.0, 2.0)
    assert [face.identity for face in part.faces] == [1, 2]
    assert [face.time for face in part.portraits] == [1.0, 2.0]
    assert [event.time for event in part.events] == [1.5, 2.5]
    assert len(part.explanations) == 2


def test_parts_are_joined_row_after_row_and_the_later_one_knows_the_recording():
    first, second = judged(0, 3), judged(3, 2, partial=True)
    both = Judged.join(first, second)
    assert both.part == Segment(0.0, 5.0)
    assert both.segments == first.segments + second.segments
    for name in ("voice", "face"):
        halves = [one.by_branch[name] for one in (first, second)]
        expected = np.concatenate([half.probs for half in halves])
        assert np.array_equal(both.by_branch[name].probs, expected, equal_nan=True)
        assert both.by_branch[name].reasons == halves[0].reasons + halves[1].reasons
    assert len(both.people[3]) == 5
    assert both.partial
    for name in ("transcript", "lines", "speech", "shots", "faces", "portraits"):
        assert getattr(both, name) is getattr(second, name), name


def test_the_published_schema_is_what_the_declarations_say():
    remedy = "run 'python scripts/analysis_schema.py'"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), remedy


def test_what_is_written_keeps_the_schema_and_comes_back():
    value = json.loads(analysis().to_json())
    check = jsonschema.Draft202012Validator(json_schema())
    check.check_schema(json_schema())
    check.validate(value)
    assert Analysis.from_dict(value).to_dict() == value
    assert value["clip"]["duration"] == 8.123456
    for name, wrong in (("partial", "no"), ("shots", [None]), ("speech", [[1.0]]), ("fused", {})):
        assert list(check.iter_errors(value | {name: wrong})), name
    assert list(check.iter_errors({k: v for k, v in value.items() if k != "shots"}))


WRONG = (7, "seven", [1, "x"], {"a": {"b": [1]}}, [[]], True, [None])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        (one.key, wrong)
        for one in wire_fields(Analysis)
        for wrong in WRONG
        if (one.key, wrong) != ("partial", True)
    ],
)
def test_a_value_of_another_kind_is_refused_in_our_words(name, wrong):
    value = analysis().to_dict()
    if name == "portraits":
        value[name] = [{"time": 1.0, "identity": 0, "png": wrong}]
    else:
        value[name] = wrong
    with pytest.raises(InputError, match="not whole"):
        Analysis.from_dict(value)


def test_labels_in_another_order_are_refused():
    value = analysis().to_dict()
    with pytest.raises(InputError, match="has the labels"):
        Analysis.from_dict(value | {"labels": value["labels"][::-1]})


def test_the_second_version_is_read_under_its_own_keys():
    value = analysis().to_dict()
    old = {k: v for k, v in value.items() if k not in ("shots", "explanations")}
    old |= {"schema": "mien.analysis/2", "cuts": value["shots"]}
    old["findings"] = [
        {"explanation" if k == "decomposition" else k: v for k, v in one.items()}
        for one in value["explanations"]
    ]
    assert Analysis.from_dict(json.loads(json.dumps(old))).to_dict() == value


@dataclass(frozen=True, eq=False, kw_only=True)
class More(Analysis):
    """An analysis with a field more.

    Args:
        laughs: when somebody laughs, seconds.
    """

    laughs: tuple[Seconds, ...] = declared(cut=f.moments, was=("giggles",), default=())


def test_a_declaration_is_all_that_a_new_field_needs():
    base = analysis()
    known = {one.name: getattr(base, one.name) for one in fields(Analysis)}
    more = More(**known, laughs=(0.5, 1.23456, 3.5))
    assert cut_to(more, Segment(1.0, 3.0), [1, 2]).laughs == (1.23456,)
    value = codec(More).write(more)
    assert value["laughs"] == [0.5, 1.235, 3.5]
    assert More(**read_record(More, value)).laughs == (0.5, 1.235, 3.5)
    earlier = {("giggles" if k == "laughs" else k): v for k, v in value.items()}
    assert read_record(More, earlier)["laughs"] == (0.5, 1.235, 3.5)
    assert "laughs" not in read_record(More, to_wire(base))


@pytest.mark.parametrize(
    ("hint", "value", "written"),
    [
        (Annotated[float, Number(2)], 1.23456, 1.23),
        (Annotated[float, Number(None)], 1.23456789, 1.23456789),
        (float, 1.23456, 1.2346),
        (tuple[Segment, ...], (Segment(0.00049, 1.0),), [[0.0, 1.0]]),
        (int | None, None, None),
        (bytes, b"\x00\xff", "AP8="),
        (dict[int, str], {1: "a"}, {"1": "a"}),
    ],
)
def test_values_are_written_as_their_types_say(hint, value, written):
    if hint == dict[int, str]:
        from collections.abc import Mapping

        hint = Mapping[int, str]
    assert codec(hint).write(value) == written
    again = codec(hint).read(written, ())
    assert codec(hint).write(again) == written
    assert isinstance(again, type(value))


def test_one_that_was_stopped_keeps_all_digits_of_its_rows():
    third = np.full(7, 1 / 7)
    one = analysis()
    rows = Evidence.of_rows("voice", one.segments, [(third, 1 / 3)] * 4)
    one = replace(one, by_branch={"voice": rows})
    for partial, worst in ((True, 0.0), (False, 1e-6)):
        read = Analysis.from_dict(json.loads(replace(one, partial=partial).to_json()))
        off = np.abs(read.by_branch["voice"].probs - rows.probs).max()
        assert off <= worst
        assert (off == 0) == partial


def test_a_type_without_a_codec_is_refused_when_it_is_declared():
    with pytest.raises(TypeError, match="complex"):
        codec(complex)


def test_rows_that_are_whole_and_rows_that_hold():
    windows = [Segment(t, t + 3.0) for t in range(5)]
    assert whole_rows(windows, "window", 6.5) == tuple(windows[:4])
    assert whole_rows(windows, "clip", 0.5) == tuple(windows)
    assert leading_rows(windows, [*windows[:2], Segment(2.5, 5.0), windows[3]]) == 2
    assert leading_rows(windows, []) == 0
    turns = (Segment(1.0, 2.0), Segment(20.0, 22.0), Segment(40.0, 41.0))
    late = (*turns[:2], Segment(39.9, 41.0))
    assert same_speech(turns, late, Segment(19.0, 23.0))
    assert not same_speech(turns, late, Segment(42.0, 43.0))
    assert not same_speech(turns, turns[:1], Segment(23.0, 24.0))


def test_an_evidence_is_the_posteriors_of_segments():
    one = evidence("voice", judged().segments)
    assert one.select([2, 0]).reasons == (one.reasons[2], one.reasons[0])
    assert one.select(one.present).segments == tuple(
        s for s, here in zip(one.segments, one.present, strict=True) if here
    )
    assert len(one.select([])) == 0
    with pytest.raises(MienError, match="not a guess"):
        replace(one, reasons=("no",) * 4)
