"""Every export read back by a reader that is not ours."""

import csv
import json
import re
import warnings
from dataclasses import replace
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree as Xml

import jsonschema
import numpy as np
import pytest

import mien
from mien.analysis.analysis import Analysis, Provenance
from mien.analysis.evidence import Evidence
from mien.analysis.explanation import Disagreement, Explanation
from mien.analysis.wire import SCHEMA_FILE
from mien.errors import OptionError
from mien.options import SegmentationOptions
from mien.report.export import FORMATS, export, format_of
from mien.scene import ClipFacts
from mien.timebase import Segment
from mien.words import Line, Transcript

SEGMENTS = (Segment(0.0, 4.0), Segment(2.0, 6.0), Segment(8.0, 9.5))


def row(label):
    probs = np.full(7, 0.05)
    probs[label] = 0.7
    return probs, 0.5


@pytest.fixture
def analysis():
    fused = Evidence.of_rows("fused", SEGMENTS, [row(3), row(3), row(5)])
    voice = Evidence.of_rows("voice", SEGMENTS, [row(3), "no speech", row(5)])
    lines = (Line(Segment(0.5, 2.0), 'He said "hi"'), Line(Segment(8.0, 9.0), "bye"))
    return Analysis(
        clip=ClipFacts("a b.mp4", "recording", 10.0, "mov"),
        segments=SEGMENTS,
        fused=fused,
        by_branch={"voice": voice},
        provenance=Provenance("0", "3", {}, {}, {}),
        transcript=Transcript(lines, "given"),
    )


def test_csv_has_a_row_per_segment_and_modality(analysis, tmp_path):
    export(analysis, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert (rows[0]["top"], float(rows[0]["joy"])) == ("joy", 0.7)
    assert (rows[1]["success"], rows[1]["joy"], rows[1]["reason"]) == ("0", "", "no speech")


def test_explanations_stand_on_the_fused_rows_alone(analysis, tmp_path):
    conflict = Disagreement(0.6, {"joy": ("text",), "fear": ("face", "voice")})
    found = Explanation(conflict, None, {}, 0.25, 0.75, abstained=True)
    value = replace(analysis, explanations=(found, Explanation(Disagreement(0.0)), found))
    export(value, tmp_path / "a.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    told = ("disagreement", "conflict", "valence", "intensity", "abstained")
    assert [[r[name] for name in told] for r in rows if r["branch"] == "fused"] == [
        ["0.6", "words say joy; face and voice say fear", "0.25", "0.75", "1"],
        ["0.0", "", "", "", "0"],
        ["0.6", "words say joy; face and voice say fear", "0.25", "0.75", "1"],
    ]
    assert {r[name] for r in rows if r["branch"] == "voice" for name in told} == {""}
    frame = value.to_frame()
    assert frame.loc[frame["branch"] == "fused", "abstained"].tolist() == [1, 0, 1]
    # What is cut out keeps what belongs to its rows.
    assert value.between(7, 10).explanations == (found,)
    export(value, tmp_path / "a.parquet")


def test_people_and_cuts_are_cut_out_with_their_rows(analysis):
    people = {1: Evidence.of_rows("face", SEGMENTS, [row(0), row(1), row(2)])}
    value = replace(analysis, people=people, shots=(3.0, 7.5, 9.9))
    part = Analysis.from_dict(json.loads(value.to_json()))[7:10]
    assert part.segments == SEGMENTS[2:]
    assert part.people[1].top(0) == "fear"
    assert part.shots == (7.5, 9.9)
    assert [line.text for line in part.transcript.lines] == ["bye"]
    frame = part.to_frame()
    assert frame.loc[frame["person"] == "1", "top"].tolist() == ["fear"]


def test_analyses_of_the_first_version_are_read(analysis):
    old = analysis.to_dict()
    for name in ("explanations", "whole", "smoothed", "events", "summaries", "shots", "people",
                 "part", "partial", "portraits", "baselines"):  # fmt: skip
        del old[name]
    read = Analysis.from_dict(json.loads(json.dumps({**old, "schema": "mien.analysis/1"})))
    assert read.fused.top(2) == "sadness"
    assert (read.explanations, read.whole, read.partial) == ((), None, False)
    assert list(read.to_frame()["disagreement"].dropna()) == []
    assert read.between(0, 5).segments == SEGMENTS[:2]


def test_parquet_is_read_by_pandas(analysis, tmp_path):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra 'frame')")
    export(analysis, tmp_path / "a.parquet")
    frame = pandas.read_parquet(tmp_path / "a.parquet")
    assert frame.groupby("branch")["success"].sum().to_dict() == {"fused": 3, "voice": 2}
    assert frame["joy"].isna().sum() == 1


def test_textgrid_is_read_by_praatio(analysis, tmp_path):
    textgrid = pytest.importorskip(
        "praatio.textgrid", reason="praatio is not installed (extra 'dev')"
    )
    export(analysis, tmp_path / "a.TextGrid")
    read = textgrid.openTextgrid(str(tmp_path / "a.TextGrid"), includeEmptyIntervals=False)
    assert read.tierNames == ("voice", "fused", "words")
    fused = [tuple(entry) for entry in read.getTier("fused").entries]
    assert fused == [(0.0, 6.0, "joy"), (8.0, 9.5, "sadness")]
    assert [e.label for e in read.getTier("words").entries] == ['He said "hi"', "bye"]


def test_elan_holds_one_tier_a_modality(analysis, tmp_path):
    export(analysis, tmp_path / "a.eaf")
    root = Xml.parse(tmp_path / "a.eaf").getroot()
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT")}
    tiers = {
        tier.get("TIER_ID"): sorted(
            (slots[a.get("TIME_SLOT_REF1")], slots[a.get("TIME_SLOT_REF2")],
             a.findtext("ANNOTATION_VALUE"))
            for a in tier.iter("ALIGNABLE_ANNOTATION")
        )
        for tier in root.iter("TIER")
    }  # fmt: skip
    assert tiers["fused"] == [(0, 6000, "joy"), (8000, 9500, "sadness")]
    assert tiers["voice"] == [(0, 3000, "joy"), (8000, 9500, "sadness")]


def test_elan_finds_the_recording(analysis, tmp_path):
    clips, coded = tmp_path / "my clips", tmp_path / "coded"
    clips.mkdir()
    coded.mkdir()
    (clips / "a b.mp4").touch()
    value = replace(analysis, clip=replace(analysis.clip, path=str(clips / "a b.mp4")))
    for path, seen in ((coded / "a.eaf", "../my clips/a b.mp4"), (clips / "a.eaf", "./a b.mp4")):
        export(value, path)
        (link,) = Xml.parse(path).getroot().iter("MEDIA_DESCRIPTOR")
        assert link.get("MEDIA_URL") == f"file://{clips}/a b.mp4"
        assert link.get("RELATIVE_MEDIA_URL") == seen
    (clips / "a b.mp4").unlink()
    export(value, coded / "a.eaf")
    (link,) = Xml.parse(coded / "a.eaf").getroot().iter("MEDIA_DESCRIPTOR")
    assert link.get("RELATIVE_MEDIA_URL") == "./a b.mp4"


def test_subtitles_play_in_ffmpeg(analysis, tmp_path):
    import av

    for suffix in ("srt", "vtt"):
        export(analysis, tmp_path / f"a.{suffix}")
        with av.open(str(tmp_path / f"a.{suffix}")) as container:
            stream = container.streams.subtitles[0]
            shown = [
                (float(packet.pts * stream.time_base), float(packet.duration * stream.time_base),
                 bytes(packet).decode())
                for packet in container.demux(stream) if packet.pts is not None
            ]  # fmt: skip
        if suffix == "srt":
            (first, length, text), *shown = shown
            assert (first, length) == (0.0, 0.001)
            assert text.startswith("[Written by mien ")
        assert shown == [(0.5, 1.5, '[joy 70 %] He said "hi"'), (8.0, 1.0, "[sadness 70 %] bye")]


def test_subtitles_are_read_by_pysubs2(analysis, tmp_path):
    import pysubs2

    for suffix in ("srt", "vtt"):
        export(analysis, tmp_path / f"a.{suffix}")
        events = list(pysubs2.load(str(tmp_path / f"a.{suffix}")))[1 if suffix == "srt" else 0 :]
        assert [(e.start, e.plaintext) for e in events] == [
            (500, '[joy 70 %] He said "hi"'), (8000, "[sadness 70 %] bye"),
        ]  # fmt: skip


def test_emotionml_has_its_own_vocabulary_with_neutral(analysis, tmp_path):
    export(analysis, tmp_path / "a.emotionml")
    space = {"e": "http://www.w3.org/2009/10/emotionml"}
    root = Xml.parse(tmp_path / "a.emotionml").getroot()
    (vocabulary,) = root.findall("e:vocabulary", space)
    names = {item.get("name") for item in vocabulary}
    assert {"happiness", "neutral"} <= names
    assert root.get("category-set") == "#" + vocabulary.get("id")
    emotions = root.findall("e:emotion", space)
    assert len(emotions) == 5
    categories = [c.get("name") for e in emotions for c in e.findall("e:category", space)]
    assert len(categories) >= len(emotions)
    assert set(categories) <= names
    assert emotions[0].find("e:reference", space).get("uri") == "a%20b.mp4#t=0.000,4.000"


# The schema of the Recommendation (emotionml.xsd, emotionml-fragments.xsd) as far as it concerns
# the elements that are written: attributes that must and that may be there, and what comes within.
SCHEMA = {
    "emotionml": ({"version"}, {"category-set"}, ["info", "vocabulary", "emotion"]),
    "info": (set(), {"id"}, []),
    "vocabulary": ({"type", "id"}, set(), ["info", "item"]),
    "item": ({"name"}, set(), ["info"]),
    "emotion": (set(), {"id", "expressed-through"}, ["info", "category", "reference"]),
    "category": ({"name"}, {"value", "confidence"}, ["trace"]),
    "reference": ({"uri"}, {"role", "media-type"}, []),
}


def keeps_schema(element):
    name = element.tag.removeprefix("{http://www.w3.org/2009/10/emotionml}")
    must, may, children = SCHEMA[name]
    assert must <= set(element.attrib) <= must | may, name
    inside = [child.tag.rpartition("}")[2] for child in element]
    assert inside == sorted(inside, key=children.index), name
    assert max((inside.count(one) for one in ("info", "trace")), default=0) <= 1
    for number in ("value", "confidence"):
        assert 0 <= float(element.get(number, 0)) <= 1
    for child in element:
        keeps_schema(child)


def test_emotionml_keeps_the_schema_of_the_w3c(analysis, tmp_path):
    name = "50% off #1 ü?.mp4"
    people = {1: Evidence.of_rows("face", SEGMENTS, [row(0), "no face", row(2)])}
    clip = replace(analysis.clip, path=name)
    export(replace(analysis, people=people, clip=clip), tmp_path / "a.emotionml")
    root = Xml.parse(tmp_path / "a.emotionml").getroot()
    keeps_schema(root)
    space = {"e": "http://www.w3.org/2009/10/emotionml"}
    emotions = root.findall("e:emotion", space)
    names = [e.get("id") for e in emotions]
    assert len(set(names)) == len(names) == 7
    # xs:ID and xs:NMTOKENS
    assert all(re.fullmatch(r"[A-Za-z_][\w.-]*", one) for one in names)
    through = [e.get("expressed-through") for e in emotions if e.get("expressed-through")]
    assert through
    assert all(re.fullmatch(r"[\w.-]+( [\w.-]+)*", one) for one in through)
    for emotion in emotions:
        categories = [c.get("name") for c in emotion.findall("e:category", space)]
        assert len(set(categories)) == len(categories) == 7
    uri = urlsplit(emotions[0].find("e:reference", space).get("uri"))
    assert (unquote(uri.path), uri.query, uri.fragment) == (name, "", "t=0.000,4.000")


def test_rttm_boris_and_label_studio_tell_the_same_spans(analysis, tmp_path):
    planted = [(0.0, 6.0, "joy"), (8.0, 9.5, "sadness")]
    for name in ("a.rttm", "a.boris.csv", "a.labelstudio.json"):
        export(analysis, tmp_path / name)
    fields = [line.split() for line in (tmp_path / "a.rttm").read_text().splitlines()]
    fused = [f for f in fields if f[1].endswith(".fused")]
    assert [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fused] == planted
    rows = csv.DictReader((tmp_path / "a.boris.csv").read_text().splitlines())
    states = [r for r in rows if r["Subject"] == "fused"]
    got = [(float(r["Start (s)"]), float(r["Stop (s)"]), r["Behavior"]) for r in states]
    assert got == planted
    (task,) = json.loads((tmp_path / "a.labelstudio.json").read_text())
    values = [r["value"] for r in task["predictions"][1]["result"]]
    assert [(v["start"], v["end"], v["labels"][0]) for v in values] == planted


def test_formats_by_suffix_and_refusals(tmp_path):
    assert format_of(tmp_path / "a.boris.csv") == "boris.csv"
    assert format_of(tmp_path / "a.txt", "csv") == "csv"
    with pytest.raises(OptionError, match=r"\.TextGrid"):
        format_of(tmp_path / "a.docx")


def test_real_output_keeps_the_published_schema_and_comes_back(demo_clip, tmp_path):
    options = mien.Options(
        segmentation=SegmentationOptions("window", 2.0, 1.0), start=1.0, end=5.0, portraits=5
    )
    analysis = mien.Analyzer(options).analyze(demo_clip)
    value = json.loads(analysis.to_json())
    schema = json.loads(SCHEMA_FILE.read_text())
    jsonschema.Draft202012Validator(schema).validate(value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**value, "partial": "no"})
    assert Analysis.from_dict(value).to_dict() == analysis.to_dict()
    assert [(s.start, s.end) for s in analysis.segments] == [(1, 3), (2, 4), (3, 5)]
    assert analysis.whole.segment == Segment(1.0, 5.0)
    assert set(analysis.smoothed) == {"fused", "text", "voice", "face"}
    assert len(analysis.portraits) == 5
    assert all(p.png.startswith(b"\x89PNG") and 1 <= p.time < 5 for p in analysis.portraits)
    assert analysis[2.5:].segments == analysis.segments[1:]
    assert analysis.at(1.2)["neutral"] == pytest.approx(analysis.fused.probs[0, 4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in FORMATS:
            export(analysis, tmp_path / f"a.{name}")
