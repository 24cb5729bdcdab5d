"""Labels by human coders: kept, read again, compared, exported; planted labels are found again."""

import csv
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

import jsonschema
import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from mien.analysis.analysis import Analysis
from mien.analysis.evidence import Evidence
from mien.analysis.schema import schema_text
from mien.coding import (
    SCHEMA_FILE,
    Coding,
    agreements,
    between_coders,
    coder_name,
    coding_schema,
    identity_of,
    pooled,
    read_codings,
    with_model,
)
from mien.coding.coding import CODES
from mien.emotions import MIEN7
from mien.errors import InputError, LabelError, MienError, OptionError
from mien.outputs import is_own
from mien.report.export import CODED, FORMATS, export
from tests.pages import one_row, planted, says

WHEN = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.fixture(scope="module")
def analysis():
    return planted()


def coded(analysis, coder, labels, **more):
    """A coding with a label a row; rows with None are not coded."""
    coding = Coding.start(analysis, coder)
    for row, label in enumerate(labels):
        if label is not None:
            coding = coding.code(row, label, when=WHEN, **more)
    return coding


def at_random(analysis, coder, seed, share=0.8):
    rng = np.random.default_rng(seed)
    return coded(
        analysis,
        coder,
        [str(rng.choice(CODES)) if rng.random() < share else None for _ in analysis.segments],
    )


# --- one coding --------------------------------------------------------------------------------


def test_a_label_is_kept_beside_the_models_and_never_in_its_place(analysis):
    before = analysis.to_json()
    coding = Coding.start(analysis, "Anna").code(3, "fear", "shaky voice", ("model",), WHEN)
    assert analysis.to_json() == before
    (code,) = coding.codes
    assert (code.row, code.label, code.note) == (3, "fear", "shaky voice")
    assert (code.changed, code.seen) == ("2026-03-04T05:06:07Z", ("model",))
    again = coding.code(3, "joy", when=WHEN).code(1, "none", when=WHEN)
    assert [(c.row, c.label, c.note) for c in again.codes] == [(1, "none", ""), (3, "joy", "")]
    assert [c.row for c in again.cleared(3).codes] == [1]
    assert len(coding.codes) == 1


@pytest.mark.parametrize("row", [-1, 1_000_000])
def test_a_row_that_is_not_there_is_refused(analysis, row):
    coding = Coding.start(analysis, "Anna")
    with pytest.raises(OptionError, match=str(row)):
        coding.code(row, "joy")
    with pytest.raises(OptionError, match=str(row)):
        coding.cleared(row)


def test_a_label_that_is_none_of_them_is_refused(analysis):
    with pytest.raises(LabelError, match="'happy'.*anger.*none"):
        Coding.start(analysis, "Anna").code(0, "happy")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\x00b", "x" * 81, "\x1b[1m", "\u202e"])
def test_a_name_that_cannot_be_shown_is_refused(name):
    with pytest.raises(OptionError, match="The name of a coder"):
        coder_name(name)


def test_one_name_written_in_two_ways_is_one_name():
    assert coder_name("Zoe\u0308 ") == coder_name(" Zo\u00eb")


# --- its file ----------------------------------------------------------------------------------


def test_it_comes_back_from_its_file_and_fits_the_published_schema(analysis, tmp_path):
    coding = at_random(analysis, 'Anna "<b>" =1+1', 1).code(0, "joy", "näïve\n</script>\u2028")
    path = tmp_path / "anna.json"
    coding.save(path)
    assert Coding.load(path) == coding
    jsonschema.validate(json.loads(path.read_text()), json.loads(SCHEMA_FILE.read_text()))
    remedy = "run 'python scripts/analysis_schema.py'"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(coding_schema()), remedy


def test_the_work_of_a_person_is_not_overwritten(analysis, tmp_path):
    path = tmp_path / "anna.json"
    coded(analysis, "Anna", ["joy"]).save(path)
    other = coded(analysis, "Anna", ["fear"])
    with pytest.raises(OptionError, match="--overwrite"):
        other.save(path)
    other.save(path, overwrite=True)
    assert Coding.load(path) == other


def test_an_analysis_exported_with_codings_is_not_overwritten_either(analysis, tmp_path):
    path = tmp_path / "both.json"
    coding = coded(analysis, "Anna", ["joy"])
    export(analysis, path)
    export(analysis, path, codings=[coding])  # what mien wrote gives way to what holds more
    assert not is_own(path)
    with pytest.raises(OptionError, match="--overwrite"):
        export(analysis, path)
    value = json.loads(path.read_text())
    assert read_codings(path) == (coding,)
    assert Analysis.from_dict(value).to_json() == analysis.to_json()
    (tmp_path / "turned.json").write_text(json.dumps(dict(reversed(value.items()))))
    assert not is_own(tmp_path / "turned.json")


def broken(value):
    """Files that are no coding, each of another kind."""
    yield []
    yield {}
    yield {"schema": "mien.coding/99"}
    yield {"schema": "mien.analysis/3"}
    for key in ("coder", "clip", "analysis", "segments", "codes"):
        yield {name: one for name, one in value.items() if name != key}
        yield value | {key: None}
        yield value | {key: 7}
    code = value["codes"][0]
    yield value | {"codes": [code, code]}
    yield value | {"codes": [code | {"row": 10**9}]}
    yield value | {"codes": [code | {"row": True}]}
    yield value | {"codes": [code | {"label": "happy"}]}
    yield value | {"codes": [code | {"seen": ["x"]}]}
    yield value | {"segments": [[0, float("inf")]]}


def test_what_is_no_coding_is_refused_with_a_sentence(analysis, tmp_path):
    value = coded(analysis, "Anna", ["joy", "fear"]).to_dict()
    path = tmp_path / "a.json"
    for one in broken(value):
        path.write_text(json.dumps(one))
        with pytest.raises(MienError, match=r"\.$"):
            read_codings(path)
    for text in ("", "{", "[" * 100_000, "\ufeff"):
        path.write_text(text)
        with pytest.raises(InputError):
            read_codings(path)


# --- which analysis it is of -------------------------------------------------------------------


def test_the_identity_is_that_of_the_rows_and_answers_not_of_the_name(analysis):
    again = Analysis.from_dict(json.loads(analysis.to_json()))
    assert identity_of(again) == identity_of(analysis)
    renamed = replace(analysis, clip=replace(analysis.clip, path="elsewhere/b.mov"))
    assert identity_of(renamed) == identity_of(analysis)
    sadder = Evidence.of_rows(
        "fused", analysis.segments, [says("sadness")] * len(analysis.segments)
    )
    other = replace(analysis, fused=sadder)
    assert identity_of(other).rows == identity_of(analysis).rows
    assert identity_of(other).content != identity_of(analysis).content
    assert identity_of(planted(step=0.25)).rows != identity_of(analysis).rows


def test_a_coding_of_another_analysis_is_refused(analysis, tmp_path):
    coding = coded(analysis, "Anna", ["joy"])
    shorter = planted(step=0.25)
    with pytest.raises(InputError, match="belong together"):
        coding.of(shorter)
    with pytest.raises(InputError, match="belong together"):
        coding.of(shorter, carry=True)
    with pytest.raises(InputError, match="belong together"):
        export(shorter, tmp_path / "a.csv", codings=[coding])
    assert list(tmp_path.iterdir()) == []
    words = planted(lines=("other", "words"))
    with pytest.raises(InputError, match="--carry"):
        coding.of(words)
    carried = coding.of(words, carry=True)
    assert carried.codes == coding.codes
    assert carried.of(words) is carried


# --- agreement ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_kappa_of_two_coders_is_that_of_scikit_learn(analysis, seed):
    anna, ben = at_random(analysis, "Anna", seed), at_random(analysis, "Ben", seed + 100, 0.6)
    both = sorted(anna.by_row.keys() & ben.by_row.keys())
    one, other = ([c.by_row[row].label for row in both] for c in (anna, ben))
    found = between_coders(anna, ben)
    assert found.n == len(both) > 3
    assert found.kappa == pytest.approx(cohen_kappa_score(one, other), abs=1e-12)
    assert found.observed == pytest.approx(
        np.mean([a == b for a, b in zip(one, other, strict=True)])
    )
    assert found.only_first == len(anna.codes) - len(both)
    assert found.only_second == len(ben.codes) - len(both)
    i, j = CODES.index(one[0]), CODES.index(other[0])
    assert found.confusion[i, j] == sum(
        p == (one[0], other[0]) for p in zip(one, other, strict=True)
    )
    turned = between_coders(ben, anna)
    assert turned.kappa == pytest.approx(found.kappa)
    assert (turned.confusion == found.confusion.T).all()


def test_with_the_model_only_rows_with_an_answer_count(analysis):
    rows = [says("joy"), "no face", says("fear"), says("joy")]
    rows += ["no face"] * (len(analysis.segments) - len(rows))
    value = replace(analysis, fused=Evidence.of_rows("fused", analysis.segments, rows))
    anna = coded(value, "Anna", ["joy", "joy", "none", "sadness"], seen=("model",))
    found = with_model(anna, value)
    assert (found.n, found.only_first, found.only_second) == (3, 1, 0)
    assert found.kappa == pytest.approx(
        cohen_kappa_score(["joy", "none", "sadness"], ["joy", "fear", "joy"])
    )
    assert found.influenced == 3
    assert "not independent" in found.notes[0]
    assert found.confusion[CODES.index("none"), CODES.index("fear")] == 1


def test_where_kappa_is_undefined_the_reason_is_given(analysis):
    anna, ben = coded(analysis, "Anna", ["joy"] * 4), coded(analysis, "Ben", ["joy"] * 4)
    same = between_coders(anna, ben)
    assert (same.observed, same.kappa) == (1.0, None)
    assert "one and the same label" in same.notes[0]
    apart = between_coders(anna, coded(analysis, "Ben", [None] * 4 + ["joy"]))
    assert (apart.n, apart.observed, apart.kappa) == (0, None, None)
    assert "no item" in apart.notes[0]
    json.dumps([same.to_dict(), apart.to_dict()], allow_nan=False)
    other = planted(step=0.25)
    with pytest.raises(InputError, match="different rows"):
        between_coders(anna, coded(other, "Ben", ["joy"]))


def test_agreements_over_several_recordings_are_pooled(analysis):
    other = planted(step=0.25)
    pairs = []
    labels = {"Anna": [], "Ben": []}
    for seed, value in enumerate((analysis, other)):
        anna, ben = at_random(value, "Anna", seed), at_random(value, "Ben", seed + 9)
        both = sorted(anna.by_row.keys() & ben.by_row.keys())
        for coding in (anna, ben):
            labels[coding.coder] += [coding.by_row[row].label for row in both]
        # The order in which coders come must not matter.
        pairs += agreements(value, [anna, ben] if seed else [ben, anna])
    found = pooled(pairs)
    assert len(found) == 3
    (two,) = [one for one in found if not one.is_model]
    assert (two.first, two.second, two.n) == ("Anna", "Ben", len(labels["Anna"]))
    assert two.kappa == pytest.approx(cohen_kappa_score(labels["Anna"], labels["Ben"]))


# --- exports -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(analysis):
    anna = coded(analysis, "Anna", ["joy", "none", None, "fear"])
    return [anna.code(0, "joy", "=a note"), coded(analysis, "=Ben", ["anger", "joy"])]


def test_the_table_has_a_row_per_coder_and_segment(analysis, two, tmp_path):
    export(analysis, tmp_path / "a.csv", codings=two)
    export(analysis, tmp_path / "without.csv")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    models = [row for row in rows if row["branch"] != "coder"]
    plain = list(csv.DictReader((tmp_path / "without.csv").read_text().splitlines()))
    assert [{k: row[k] for k in plain[0]} for row in models] == plain
    people = [row for row in rows if row["branch"] == "coder"]
    assert len(people) == 2 * len(analysis.segments)
    told = [(r["coder"], r["top"], r["success"], r["reason"], r["note"]) for r in people[:4]]
    assert told == [
        ("Anna", "joy", "1", "", "'=a note"),
        ("Anna", "", "0", "none of the seven labels", ""),
        ("Anna", "", "0", "not coded", ""),
        ("Anna", "fear", "1", "", ""),
    ]
    assert people[1]["joy"] == people[0]["confidence"] == ""
    assert people[-1]["coder"] == "'=Ben"
    assert (people[0]["start"], people[0]["end"]) == ("0.0", "1.0")


def test_parquet_has_the_same(analysis, two, tmp_path):
    import pandas

    export(analysis, tmp_path / "a.parquet", codings=two)
    table = pandas.read_parquet(tmp_path / "a.parquet")
    people = table[table.coder == "Anna"]
    assert people.top.fillna("").tolist()[:4] == ["joy", "", "", "fear"]
    assert people.joy.isna().all()


def test_elan_has_a_tier_per_coder_with_the_annotator_and_the_notes(analysis, two, tmp_path):
    export(analysis, tmp_path / "a.eaf", codings=two)
    root = Xml.parse(tmp_path / "a.eaf").getroot()
    times = {t.get("TIME_SLOT_ID"): int(t.get("TIME_VALUE")) for t in root.iter("TIME_SLOT")}
    found = {}
    for tier in root.iter("TIER"):
        found[tier.get("TIER_ID")] = [
            (
                times[a.get("TIME_SLOT_REF1")],
                times[a.get("TIME_SLOT_REF2")],
                a.findtext("ANNOTATION_VALUE"),
            )
            for a in tier.iter("ALIGNABLE_ANNOTATION")
        ]
    # Windows of a second every half second: each has its own half, the first also its start.
    assert found["coder Anna"] == [(0, 750, "joy"), (750, 1250, "none"), (1750, 2250, "fear")]
    assert found["coder Anna: notes"] == [(0, 750, "=a note")]
    assert "coder =Ben" in found
    assert "fused" in found
    (anna,) = [t for t in root.iter("TIER") if t.get("TIER_ID") == "coder Anna"]
    assert anna.get("ANNOTATOR") == "Anna"


def test_the_other_formats_have_the_labels_too(analysis, two, tmp_path):
    for name in ("a.TextGrid", "a.boris.csv", "a.rttm"):
        export(analysis, tmp_path / name, codings=two)
    assert 'name = "coder Anna"' in (tmp_path / "a.TextGrid").read_text()
    events = list(csv.DictReader((tmp_path / "a.boris.csv").read_text().splitlines()))
    anna = [(e["Start (s)"], e["Behavior"]) for e in events if e["Subject"] == "coder Anna"]
    assert anna == [("0.0", "joy"), ("0.75", "none"), ("1.75", "fear")]
    rttm = (tmp_path / "a.rttm").read_text()
    assert "SPEAKER clip.coder-Anna 1 0.000 0.750 <NA> <NA> joy <NA> <NA>\n" in rttm


def test_a_format_that_has_no_place_for_them_says_so(analysis, two, tmp_path):
    for kind in set(FORMATS) - set(CODED):
        with pytest.raises(OptionError, match="codings"):
            export(analysis, tmp_path / f"a.{kind}", codings=two)
    with pytest.raises(OptionError, match="two codings by Anna"):
        export(analysis, tmp_path / "a.csv", codings=[two[0], two[0]])
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_time_is_coded_as_well(tmp_path):
    value = one_row("text")
    anna = coded(value, "Anna", ["sadness"])
    export(value, tmp_path / "a.csv", codings=[anna])
    assert "sadness" in (tmp_path / "a.csv").read_text().splitlines()[-1]
    assert with_model(anna, value).observed == 0.0


def test_without_codings_every_export_is_what_it_was(analysis, tmp_path):
    export(analysis, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text() == analysis.to_json()
    export(analysis, tmp_path / "a.eaf")
    assert "ANNOTATOR" not in (tmp_path / "a.eaf").read_text()


# --- from the command line ---------------------------------------------------------------------


@pytest.fixture
def mien_says(monkeypatch, capsys):
    """The command line in this process: exit code, output, errors."""
    from mien.cli import main

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["mien", *map(str, args)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run


def test_the_command_line_exports_and_compares(analysis, tmp_path, mien_says):
    (tmp_path / "clip.json").write_text(analysis.to_json())
    labels = [MIEN7.labels[i % 3] for i in range(len(analysis.segments))]
    coded(analysis, "Anna", labels).save(tmp_path / "anna.json")
    coded(analysis, "Ben", labels[:6] + ["none"] * 3).save(tmp_path / "ben.json")
    files = ["--codings", tmp_path / "anna.json", "--codings", tmp_path / "ben.json"]
    code, out, said = mien_says(
        "export", tmp_path / "clip.json", tmp_path / "a.csv", tmp_path / "a.eaf",
        tmp_path / "both.json", *files,
    )  # fmt: skip
    assert (code, said) == (0, "")
    assert ",Ben," in (tmp_path / "a.csv").read_text()
    assert "coder Anna" in (tmp_path / "a.eaf").read_text()

    figures = tmp_path / "figures.json"
    # An analysis that holds codings stands for them; written again, it is replaced.
    for _ in range(2):
        code, out, said = mien_says(
            "agree", tmp_path / "clip.json", tmp_path / "both.json", "--json", figures
        )
        assert (code, said) == (0, "")
    expected = cohen_kappa_score(labels[:9], labels[:6] + ["none"] * 3)
    assert f"{expected:.3f}" in out
    pairs = json.loads(figures.read_text())["agreements"]
    names = [(p["first"], p["second"], p["model"]) for p in pairs]
    assert names == [("Anna", "Ben", False), ("Anna", "model", True), ("Ben", "model", True)]
    assert (pairs[0]["n"], pairs[0]["kappa"]) == (9, pytest.approx(expected))

    code, out, said = mien_says("export", tmp_path / "clip.json", tmp_path / "a.srt", *files)
    assert code == 2
    assert "codings" in said
    code, out, said = mien_says("export", tmp_path / "clip.json", tmp_path / "anna.json", *files)
    assert code == 2
    assert "An input is never overwritten" in said
