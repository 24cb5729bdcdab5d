"""The branch: which file, where on the clock, arousal, fusion, and the contract."""

import json
import pickle
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from mien.analysis.evidence import Evidence
from mien.emotions import MIEN7
from mien.errors import InputError, OptionError
from mien.fusion.method import Method
from mien.options import FusionOptions
from mien.scene import ClipFacts, Scene
from mien.testing import check_branch
from mien.timebase import Segment
from mien_body.arousal import PARTS, arousal, label_probabilities
from mien_body.branch import NOT_ASKED, BodyBranch
from mien_body.grid import Grid, Track
from mien_body.locate import body_file
from mien_body.options import BodyOptions

SOURCES = Path(__file__).resolve().parents[1] / "src"
ZONE = timezone(timedelta(hours=2))
RECORDED = datetime(2026, 5, 3, 10, 0, tzinfo=ZONE)


def scene(path, seconds=60.0, recorded="", kind="recording"):
    facts = ClipFacts(str(path), kind, seconds, "mov", True, True, recorded=recorded)
    return Scene(facts, {})


def rates(path, start=0.0, count=60, bpm=lambda t: 60.0 + t, absolute=None, marker=None):
    """A CSV with a heart rate every second of the file."""
    lines = ["time,hr,event"]
    for i in range(count):
        time = start + i
        shown = time if absolute is None else (absolute + timedelta(seconds=time)).isoformat()
        lines.append(f"{shown},{bpm(time)},{marker[1] if marker and marker[0] == i else ''}")
    path.write_text("\n".join(lines) + "\n")
    return path


def signals(options, where):
    return {track.name: track for track in BodyBranch(options).signals(where)}


# --- which file -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["talk.body.csv", "talk.body.edf", "talk.body.txt", "talk.body"])
def test_the_file_beside_the_recording_is_found(tmp_path, name):
    path = tmp_path / name
    path.mkdir() if name == "talk.body" else path.write_text("")
    assert body_file(str(tmp_path / "talk.mp4"), BodyOptions()).path == path
    assert body_file(str(tmp_path / "other.mp4"), BodyOptions()).path is None
    off = body_file(str(tmp_path / "talk.mp4"), BodyOptions(file="none"))
    assert (off.path, off.reason) == (None, "switched off (--body none)")


def test_a_name_in_braces_is_that_of_the_recording(tmp_path):
    (tmp_path / "p01.csv").write_text("")
    options = BodyOptions(file=tmp_path / "{}.csv")
    assert body_file("films/p01.mp4", options).path == tmp_path / "p01.csv"
    assert body_file("films/p02.mp4", options).reason == "there is no p02.csv"
    options.check_several()
    with pytest.raises(OptionError, match=r"body.file \(--body\) is .*put {} into"):
        BodyOptions(file=tmp_path / "p01.csv").check_several()
    with pytest.raises(OptionError, match="body-table"):
        BodyOptions(recorded="2026-05-03T10:00:00+02:00").check_several()
    with pytest.raises(InputError, match="p03.csv does not exist"):
        body_file("films/p01.mp4", BodyOptions(file=tmp_path / "p03.csv"))


def test_what_is_read_with_a_recording(tmp_path):
    table = tmp_path / "study.csv"
    table.write_text("recording,file\np1.mp4,e4\n")
    (tmp_path / "e4").mkdir()
    (tmp_path / "p2.body.csv").write_text("hr\n")
    p1, p2 = tmp_path / "p1.mp4", tmp_path / "p2.mp4"
    assert BodyOptions(table=table).read_with(p1) == (table, tmp_path / "e4")
    assert BodyOptions().read_with(p2) == (tmp_path / "p2.body.csv",)
    assert BodyOptions().read_with(p1) == ()
    table.write_text("no table")
    assert BodyOptions(table=table).read_with(p2) == (table,)


def test_a_table_may_name_the_folder_of_a_recording(tmp_path):
    table = tmp_path / "study.csv"
    for name in ("one.csv", "two.csv", "all.csv"):
        (tmp_path / name).write_text("hr\n")
    table.write_text("recording,file\nday1/p1.mp4,one.csv\n./day2/p1,two.csv\np2,all.csv\n")

    def file(recording):
        found = body_file(str(tmp_path / recording), BodyOptions(table=table)).path
        return found and found.name

    assert file("day1/p1.mp4") == "one.csv"
    assert file("study/day2/p1.mp4") == "two.csv"
    assert file("day3/p1.mp4") is None
    assert file("day3/p2.mp4") == "all.csv"
    assert file("a" * 247 + ".mp4") is None


def test_a_table_gives_each_recording_its_file_and_offset(tmp_path):
    table = tmp_path / "table.csv"
    table.write_text(
        "recording,file,offset,marker\nfilms/p01.mp4,e4/1,-12.5,\np02,e4/2,,clap=3\np03,,7,\n"
    )
    options = BodyOptions(table=table)
    (tmp_path / "e4" / "1").mkdir(parents=True)
    (tmp_path / "e4" / "2").mkdir()
    first, second = (body_file(f"x/films/p0{i}.mp4", options) for i in (1, 2))
    assert (first.path, first.options.offset) == (tmp_path / "e4" / "1", -12.5)
    assert second.options.marker_at == ("clap", 3.0)
    (tmp_path / "p03.body.csv").write_text("")
    third = body_file(str(tmp_path / "p03.mp4"), options)
    assert (third.path, third.options.offset) == (tmp_path / "p03.body.csv", 7.0)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("file,offset\na,1\n", "has the columns file, offset; give recording"),
        ("recording,shift\na,1\n", "any of file, offset, marker, recorded"),
        ("recording,offset\ntalk,1\ntalk.mp4,2\n", "2 rows for talk.mp4"),
        ("recording,offset\ntalk,soon\n", "the offset 'soon'; give seconds"),
        ("recording,recorded\ntalk,today\n", "cannot be 'today'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(tmp_path, text, says):
    table = tmp_path / "table.csv"
    table.write_text(text)
    with pytest.raises(InputError, match=says):
        body_file("talk.mp4", BodyOptions(table=table))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"offset": float("nan")}, "body.offset"),
        ({"marker": "clap"}, "NAME=SECONDS"),
        ({"marker": "clap=x"}, "NAME=SECONDS"),
        ({"offset": 1.0, "marker": "clap=1"}, "give one"),
        ({"baseline": "60"}, "START:END"),
        ({"baseline": "60:20"}, "START:END"),
        ({"recorded": "2026-05-03T10:00:00"}, r"\+02:00"),
        ({"columns": "a=heart"}, "ecg, ppg"),
        ({"columns": "ecg,a=ppg"}, "NAME=KIND"),
        ({"rate": 0}, "above 0"),
        ({"hrv_window": 5}, "30 to 300"),
        ({"fusion": 0.9}, "0 to 0.5"),
        ({"fusion": True}, "0 to 0.5"),
        ({"time_unit": "h"}, "auto, s, ms"),
    ],
)
def test_options_are_checked_when_they_are_made(options, says):
    with pytest.raises(OptionError, match=says):
        BodyBranch(options)


# --- the clock --------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-20.0, 0.0, 12.5])
def test_an_offset_moves_the_file_on_the_clock_of_the_recording(tmp_path, offset):
    rates(tmp_path / "talk.body.csv", count=120)
    found = signals({"offset": offset}, scene(tmp_path / "talk.mp4"))
    track = found["heart rate"]
    assert track.times == tuple(np.arange(60) + 0.5)
    for time, value in zip(track.times, track.values, strict=True):
        if time > offset + 1:
            assert value == pytest.approx(60 + time - offset, abs=0.01)
    assert track.notes == ()
    early = [v for t, v in zip(track.times, track.reasons, strict=True) if t < offset - 10.5]
    assert set(early) <= {"nothing was recorded"}


def test_a_marker_says_where_the_file_lies(tmp_path):
    rates(tmp_path / "talk.body.csv", count=120, marker=(30, "clap"))
    found = signals({"marker": "clap=10"}, scene(tmp_path / "talk.mp4"))
    assert found["heart rate"].values[10] == pytest.approx(60 + 30.5)
    with pytest.raises(InputError, match=r"no marker 'slate'; it has clap"):
        signals({"marker": "slate=10"}, scene(tmp_path / "talk.mp4"))


@pytest.mark.parametrize("given", [True, False])
def test_absolute_times_place_the_file_and_are_doubted_if_the_camera_says_them(tmp_path, given):
    rates(tmp_path / "talk.body.csv", count=120, absolute=RECORDED - timedelta(seconds=45))
    utc = RECORDED.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")  # noqa: UP017
    options = {"recorded": RECORDED.isoformat()} if given else {}
    where = scene(tmp_path / "talk.mp4", recorded="2020-01-01T00:00:00Z" if given else utc)
    track = signals(options, where)["heart rate"]
    assert track.values[0] == pytest.approx(60 + 45.5)
    assert (track.notes == ()) is given
    if not given:
        assert "can be wrong by seconds" in track.notes[0]


def test_what_cannot_be_placed_is_absent_with_the_remedy(tmp_path):
    rates(tmp_path / "talk.body.csv", absolute=RECORDED)
    branch = BodyBranch({})
    where = scene(tmp_path / "talk.mp4")
    assert branch.signals(where) == ()
    (reason,) = branch.judge(where, [Segment(0, 5)]).reasons
    assert "does not say when it began; give --body-offset" in reason
    branch = BodyBranch({"offset": 500.0})
    (reason,) = branch.judge(where, [Segment(0, 5)]).reasons
    assert "covers 500 to 559 s" in reason


def test_a_file_without_absolute_times_is_taken_to_begin_with_the_recording(tmp_path):
    rates(tmp_path / "talk.body.csv")
    track = signals({}, scene(tmp_path / "talk.mp4"))["heart rate"]
    assert "taken to begin with the recording" in track.notes[0]


@pytest.mark.parametrize("kind", ["picture", "text"])
def test_what_has_no_time_has_no_signals(tmp_path, kind):
    where = scene(tmp_path / "a", 0.0, kind=kind)
    assert BodyBranch({}).judge(where, [Segment(0, 0)]).reasons == (f"a {kind} has no time",)


# --- arousal ----------------------------------------------------------------------------------


def tracks(**values):
    names = {"hr": "heart rate", "rmssd": "RMSSD", "level": "skin level",
             "rate": "skin response rate"}  # fmt: skip
    return {names[k]: Track(list(map(float, v)), np.ones(len(v))) for k, v in values.items()}


def test_each_measure_moves_arousal_in_its_direction():
    rng = np.random.default_rng(0)
    seconds = np.arange(200)
    excited = seconds >= 100
    grid = Grid(seconds + 0.5, 0, 200, 0)
    calm = {"hr": 70 + rng.normal(0, 3, 200), "rmssd": 40 * np.exp(rng.normal(0, 0.3, 200)),
            "level": 5 * np.exp(rng.normal(0, 0.1, 200)),
            "rate": 3 + rng.normal(0, 2, 200)}  # fmt: skip
    changed = {"hr": 12.0, "rmssd": 0.4, "level": 1.5, "rate": 8.0}
    for name, change in changed.items():
        given = dict(calm)
        by_factor = name in ("rmssd", "level")
        given[name] = np.where(excited, given[name] * change if by_factor else given[name] + change,
                               given[name])  # fmt: skip
        found = arousal(tracks(**given), grid, ~excited).numbers
        assert found[excited].mean() > found[~excited].mean() + 0.4, name
        assert abs(np.median(found[~excited])) < 0.2


def test_the_z_value_is_the_documented_one():
    x = np.array([60.0, 62.0, 64.0, 66.0, 68.0] * 10)
    found = arousal(tracks(hr=x), Grid(np.arange(50) + 0.5, 0, 50, 0), np.ones(50, bool))
    assert found.numbers[:5] == pytest.approx((x[:5] - 64) / (1.4826 * 2.0))
    assert found.quality == pytest.approx(np.full(50, 1 / len(PARTS)))


def test_one_artefact_and_a_dead_calm_baseline_do_not_explode():
    x = np.full(100, 70.0)
    x[50] = 190.0
    found = arousal(tracks(hr=x), Grid(np.arange(100) + 0.5, 0, 100, 0), np.ones(100, bool))
    assert found.numbers[50] == 5.0
    assert found.numbers[10] == 0.0


def test_a_baseline_before_the_recording_is_used(tmp_path):
    def bpm(time):
        return 60.0 + (time % 5) if time < 60 else 90.0

    rates(tmp_path / "talk.body.csv", count=120, bpm=bpm)
    options = {"offset": -60.0, "baseline": "-60:0"}
    found = signals(options, scene(tmp_path / "talk.mp4"))["arousal"]
    assert found.times[0] == 0.5
    assert min(v for v in found.values if v is not None) > 3
    alone = signals({"offset": -60.0}, scene(tmp_path / "talk.mp4"))["arousal"]
    assert max(alone.values[2:]) < 1


def test_too_short_a_baseline_is_the_reason(tmp_path):
    rates(tmp_path / "talk.body.csv")
    found = signals({"offset": 0.0, "baseline": "0:10"}, scene(tmp_path / "talk.mp4"))["arousal"]
    assert set(found.reasons) == {"no measure has 20 usable seconds in the baseline"}


# --- the labels -------------------------------------------------------------------------------


def test_the_map_prefers_calm_labels_at_low_and_excited_ones_at_high_arousal():
    low, rest, high = (label_probabilities(z) for z in (-3.0, 0.0, 3.0))
    named = dict(zip(MIEN7.labels, range(7), strict=True))
    assert MIEN7.labels[low.argmax()] == "sadness"
    assert MIEN7.labels[rest.argmax()] == "neutral"
    assert set(np.argsort(high)[-3:]) == {named[n] for n in ("surprise", "fear", "anger")}
    for p in (low, rest, high):
        assert p.sum() == pytest.approx(1)
        assert p.max() < 0.5  # it can never be sure


def test_it_is_off_by_default_and_its_weight_is_its_quality(tmp_path):
    rates(tmp_path / "talk.body.csv", bpm=lambda t: 60.0 + t % 7)
    where, segments = scene(tmp_path / "talk.mp4"), [Segment(0, 30), Segment(30, 60)]
    assert BodyBranch({"offset": 0.0}).judge(where, segments).reasons == (NOT_ASKED,) * 2
    found = BodyBranch({"offset": 0.0, "fusion": 0.4}).judge(where, segments)
    assert found.present.all()
    # One of four measures, so a quarter of the weight.
    assert found.quality == pytest.approx([0.1, 0.1], abs=0.005)


def test_its_effect_on_the_fusion_grows_with_the_weight_and_is_small():
    segments = (Segment(0, 1),)
    probs = np.full(7, 0.1)
    probs[MIEN7.index("neutral")] = 0.4
    voice = Evidence.of_rows("voice", segments, [(probs, 1.0)])
    method = Method(FusionOptions())
    alone = method.fuse({"voice": voice}).probs[0]
    moved = []
    for weight in (0.05, 0.2, 0.5):
        body = Evidence.of_rows("body", segments, [(label_probabilities(3.0), weight)])
        both = method.fuse({"voice": voice, "body": body}).probs[0]
        moved.append(alone[MIEN7.index("neutral")] - both[MIEN7.index("neutral")])
    assert 0 < moved[0] < moved[1] < moved[2] < 0.3


# --- the contract and the whole way -----------------------------------------------------------


def test_it_keeps_the_contract(tmp_path):
    rates(tmp_path / "talk.body.csv", bpm=lambda t: 60.0 + t % 7)
    check_branch(BodyBranch({"offset": 0.0, "fusion": 0.2}), scene(tmp_path / "talk.mp4"))
    branch = BodyBranch({"offset": 0.0})
    branch.signals(scene(tmp_path / "talk.mp4"))
    assert pickle.loads(pickle.dumps(branch)).spec.needs == branch.spec.needs == ()


def test_the_wheel_holds_the_package_and_its_entry_points(installed):
    site = Path(installed["SITE"])
    modules = {p.relative_to(SOURCES).as_posix() for p in SOURCES.rglob("*.py")}
    assert {p.relative_to(site).as_posix() for p in site.rglob("mien_body/**/*.py")} == modules
    (info,) = site.glob("mien_body-*.dist-info")
    text = (info / "entry_points.txt").read_text()
    assert "mien_body.branch:BodyBranch" in text
    assert "mien_body.options:BodyOptions" in text


def test_the_options_load_nothing_that_computes(installed):
    """The help of the command line imports them."""
    code = (
        "import sys, mien_body.options\n"
        "heavy = {'numpy', 'scipy', 'neurokit2', 'pandas', 'pyedflib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import mien_body.branch\n"
        "heavy = {'scipy', 'neurokit2', 'pandas', 'pyedflib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], env=installed, check=True, timeout=60)


def test_in_table_json_and_exports_of_a_recording(tmp_path, demo_clip, installed):
    """The command, in the sandbox, with the file beside the recording; both of a batch, too."""
    clip = tmp_path / "talk.mp4"
    clip.write_bytes(demo_clip.read_bytes())
    rates(tmp_path / "talk.body.csv", start=-60.0, count=80, bpm=lambda t: 70.0 + t % 7)
    words = ["--body-offset", "0", "--body-baseline=-60:0", "--body-fusion", "0.2", "--sandbox"]
    outputs = ["--json", "a.json", "--export", "a.signals.csv", "--report", "a.html"]
    command = [sys.executable, "-m", "mien", "analyze", "talk.mp4", *words, *outputs]
    done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "heart rate" in done.stdout
    value = json.loads((tmp_path / "a.json").read_text())
    (beat,) = (one for one in value["signals"] if one["name"] == "heart rate")
    assert beat["values"][:3] == pytest.approx([70.5, 71.5, 72.5], abs=0.01)
    row = value["branches"]["body"]["rows"][0]
    assert row["reason"] is None
    assert 0 < row["quality"] <= 0.05
    assert (tmp_path / "a.signals.csv").read_text().startswith("time,signal,value")
    assert '"heart rate"' in (tmp_path / "a.html").read_text()
    refused = subprocess.run(
        [*command[:3], "batch", "talk.mp4", "--out", "out", "--body", "talk.body.csv"],
        cwd=tmp_path, env=installed, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "the file of one recording" in refused.stderr


@pytest.mark.slow
def test_in_a_batch_every_recording_has_its_own_file_and_offset(tmp_path, demo_clip, installed):
    for name in ("p1", "p2", "p3"):
        (tmp_path / f"{name}.mp4").write_bytes(demo_clip.read_bytes())
    (tmp_path / "signals").mkdir()
    rates(tmp_path / "signals" / "first.csv", count=200, bpm=lambda t: 60.0 + t / 10)
    rates(tmp_path / "p2.body.csv", count=200, bpm=lambda t: 90.0)
    (tmp_path / "study.csv").write_text(
        "recording,file,offset\np1.mp4,signals/first.csv,-100\np2.mp4,,-50\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mien", "batch", str(tmp_path), "--out", "out", "--asr", "none",
         "--body-table", "study.csv", "--workers", "1"],
        cwd=tmp_path, env=installed, capture_output=True, text=True, timeout=400, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    files = sorted((tmp_path / "out" / "clips").rglob("p*.json"))
    assert len(files) == 3
    found = [json.loads(file.read_text()) for file in files]
    beats = [[s["values"] for s in one["signals"] if s["name"] == "heart rate"] for one in found]
    assert beats[0][0][0] == pytest.approx(70.05, abs=0.01)
    assert beats[1][0][0] == pytest.approx(90.0)
    assert beats[2] == []
    assert "no file of body signals" in found[2]["branches"]["body"]["rows"][0]["reason"]
