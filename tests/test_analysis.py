import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from mien.analysis.analysis import Analysis, Provenance, Whole
from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Contribution, Decomposition, Disagreement, Explanation
from mien.analysis.timeline import Baseline, Departure
from mien.analysis.wire import SCHEMA_FILE
from mien.emotions import MIEN7
from mien.errors import ContractError, InputError
from mien.scene import ClipFacts
from mien.timebase import Segment
from mien.words import Line, Transcript, Word

SEGMENTS = (Segment(0.0, 1.0), Segment(1.0, 2.0))
ROW = np.array([0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])


def evidence(branch="voice"):
    return Evidence.of_rows(branch, SEGMENTS, [(ROW, 0.5), "no speech"])


def analysis():
    words = (Word("hello", Segment(0.1, 0.5), 0.8),)
    return Analysis(
        clip=ClipFacts("a.mp4", "recording", 2.0, "mov", has_audio=True),
        segments=SEGMENTS,
        fused=evidence("fused"),
        by_branch={"voice": evidence()},
        provenance=Provenance("0", "3", {"voice": {"p": "1"}}, {"fusion": "mean"}, {"a": 1.0}),
        transcript=Transcript((Line(Segment(0.0, 1.0), "hello", words, 0.8),), "given"),
        speech=(Segment(0.1, 0.9),),
        people={0: evidence("face"), 2: evidence("face")},
        shots=(0.4, 1.2),
    )


def test_who_says_a_line_is_kept_and_may_be_missing_in_earlier_files():
    said = (Line(Segment(0.0, 1.0), "hello", speaker="Ann Lee"), Line(Segment(1.0, 2.0), "yes"))
    wire = replace(analysis(), transcript=Transcript(said, "given")).to_dict()
    schema = json.loads(SCHEMA_FILE.read_text())
    shape = schema["properties"]["transcript"] | {"$defs": schema["$defs"]}
    jsonschema.validate(wire["transcript"], shape)
    assert [line.get("speaker") for line in wire["transcript"]["lines"]] == ["Ann Lee", None]
    back = Analysis.from_dict(json.loads(json.dumps(wire))).transcript
    assert back.lines == said
    assert back.speakers == ("Ann Lee",)
    wire["transcript"]["lines"][0]["speaker"] = 3
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wire["transcript"], shape)


def test_absence_is_a_value_with_a_reason():
    absent = evidence()
    assert absent.present.tolist() == [True, False]
    assert np.isnan(absent.probs[1]).all()
    assert absent.top(0) == "anger"
    assert absent.top(1) is None


@pytest.mark.parametrize(
    ("probs", "quality", "reasons", "clause"),
    [
        (np.full((2, 7), 1 / 7), [0.5, 0.5], ["", "no speech"], "NaN, not a guess"),
        (np.full((2, 7), 0.2), [0.5, 0.5], ["", ""], "sum to 1"),
        (np.full((2, 7), 1 / 7), [0.5, 1.5], ["", ""], "quality"),
        (np.full((1, 7), 1 / 7), [0.5], [""], "2 segments"),
        (np.full((2, 7), np.nan), [0.0, 0.0], ["", ""], "finite"),
    ],
)
def test_evidence_is_validated_at_birth(probs, quality, reasons, clause):
    with pytest.raises(ContractError, match=clause):
        Evidence(probs, quality, branch="voice", segments=SEGMENTS, reasons=reasons)


def test_evidence_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        evidence().probs[0, 0] = 1.0


def test_the_wire_form_comes_back_whole():
    first = analysis()
    again = Analysis.from_dict(json.loads(first.to_json()))
    assert again.to_dict() == first.to_dict()
    assert again.by_branch["voice"].reasons == ("", "no speech")
    assert again.transcript == first.transcript
    assert list(again.people) == [0, 2]
    assert again.shots == (0.4, 1.2)


def test_a_file_from_before_people_and_cuts_is_read():
    value = analysis().to_dict()
    del value["people"], value["shots"]
    again = Analysis.from_dict(value)
    assert again.people == {}
    assert again.shots == ()


def test_baselines_come_back_over_the_wire_and_are_left_out_of_a_part():
    mean = {label: 1 / 7 for label in MIEN7.labels}
    smile = Departure(Segment(2.0, 4.0), "joy", 0.25)
    first = replace(analysis(), baselines=(Baseline(1, 12, 24.0, mean, (smile,)),))
    (again,) = Analysis.from_dict(json.loads(first.to_json())).baselines
    assert again.departures == (smile,)
    assert (again.who, again.rows, again.judged) == (1, 12, 24.0)
    assert again.mean == pytest.approx(mean, abs=1e-6)
    schema = json.loads(SCHEMA_FILE.read_text())
    shape = schema["properties"]["baselines"] | {"$defs": schema["$defs"]}
    jsonschema.validate(first.to_dict()["baselines"], shape)
    assert first.between(0, 100).baselines == ()
    earlier = first.to_dict()
    del earlier["baselines"]
    assert Analysis.from_dict(earlier).baselines == ()


def test_another_version_of_the_wire_form_is_refused():
    with pytest.raises(InputError, match="mien.analysis/0"):
        Analysis.from_dict({"schema": "mien.analysis/0"})


def test_evidence_for_other_segments_is_refused():
    value = analysis()
    with pytest.raises(ContractError, match="other segments"):
        replace(value, segments=SEGMENTS[:1])


def test_frame_has_one_row_per_segment_branch_and_person():
    frame = analysis().to_frame()
    assert frame.groupby(["branch", "person"]).size().to_dict() == {
        ("voice", ""): 2,
        ("fused", ""): 2,
        ("face", "0"): 2,
        ("face", "2"): 2,
    }
    assert frame.loc[frame.branch == "voice", "reason"].tolist() == ["", "no speech"]
    assert frame["anger"].iloc[0] == pytest.approx(0.7)
    assert frame["anger"].isna().tolist() == [False, True] * 4


def explained():
    """The analysis with an explanation a row, and one for the whole."""
    parts = (
        Contribution("text", "joy", -0.5, 0.9, 1.0, "disgust", False),
        Contribution("voice", "disgust", 2.25, 1.1, 0.75, "joy", True),
    )
    conflict = Disagreement(0.5, {"joy": ("text",), "disgust": ("face", "voice")})
    told = Decomposition("disgust", "joy", 1.5, -0.25, parts)
    first = Explanation(conflict, told, {"sarcasm": 0.4}, -0.75, 0.625, abstained=True)
    second = Explanation(Disagreement(0.0))
    one = Evidence.of_rows("fused", (Segment(0.0, 2.0),), [(ROW, 0.5)])
    return replace(
        analysis(), explanations=(first, second), whole=Whole(one, {"voice": one}, first)
    )


def test_explanations_come_back_over_the_wire_as_they_went():
    first = explained()
    again = Analysis.from_dict(json.loads(first.to_json()))
    assert again.explanations == first.explanations
    assert again.whole.explanation == first.explanations[0]
    value = json.loads(first.to_json())["explanations"][0]
    assert value["derived"] is True
    assert value["disagreement"]["words"] == "words say joy; face and voice say disgust"
    assert "without the voice: joy" in value["decomposition"]["words"]


def test_a_whole_without_an_explanation_comes_back_without_one():
    bare = explained()
    bare = replace(bare, explanations=(), whole=replace(bare.whole, explanation=None))
    again = Analysis.from_dict(json.loads(bare.to_json()))
    assert (again.explanations, again.whole.explanation) == ((), None)


def test_a_part_of_an_analysis_keeps_the_explanations_of_its_rows():
    first = explained()
    assert first.between(1.0, 2.0).explanations == (first.explanations[1],)
    assert first[0:1].explanations == (first.explanations[0],)


def test_explanations_are_one_a_segment():
    with pytest.raises(ContractError, match="1 explanations for 2 segments"):
        replace(analysis(), explanations=explained().explanations[:1])
