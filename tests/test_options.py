"""The options as a value: what they refuse, how they travel, how the command line makes them."""

import dataclasses
import json
import pickle
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import mien
from mien.cli import app
from mien.cli import options as flags
from mien.errors import InputError, OptionError
from mien.options import DECODING, RULES, Options, described, differing, group_types

ROOT = Path(__file__).resolve().parents[1]
# For every option: values it can have, none of them the default.
VALUES = {
    "media.audio_track": [2, "en"],
    "media.audio_channel": [4],
    "media.max_hours": [0.5, 100.0],
    "media.sandbox": [True],
    "media.sandbox_memory": [0.5],
    "media.sandbox_cpu": [2.0],
    "media.sandbox_wall": [10.5],
    "media.sandbox_disk": [1.0],
    "segmentation.by": ["utterance", "window", "speaker"],
    "segmentation.window": [6.0, 5.5],
    "segmentation.step": [1.0, 0.25],
    "speech.asr": ["whisper", "whisper:base", "none"],
    "speech.words": ["talk.srt"],
    "speech.words_offset": [-3600.0, 1.5],
    "speech.words_source": ["spoken", "written"],
    "speech.speakers": ["talk.rttm", "none"],
    "faces.person": ["all", "0", "12"],
    "faces.policy": ["peak"],
    "faces.convention": ["fer2013"],
    "faces.detector": ["embedded", "yunet:net.onnx"],
    "faces.frame_rate": [0.5, 60.0],
    "fusion.rule": list(RULES),
    "fusion.weights": [{"text": 0.5, "voice": 2.0}],
    "fusion.max_risk": [0.2],
    "fusion.blends": ["mine.toml"],
    "start": [1.5],
    "end": [10.0],
    "portraits": [3],
}


def nested(pairs):
    """Plain options from path and value."""
    out = {}
    for path, value in pairs:
        group, _, name = path.rpartition(".")
        (out.setdefault(group, {}) if group else out)[name] = value
    return out


def leaf(options, path):
    value = options.to_dict()
    for name in path.split("."):
        value = value[name]
    return value


def test_every_option_has_a_value_here():
    assert set(VALUES) == set(described())
    assert set(group_types()) == {"media", "segmentation", "speech", "faces", "fusion"}


def test_options_travel_through_json_and_pickle_unchanged():
    rng = random.Random(0)
    seen = set()
    for _ in range(200):
        chosen = [
            (path, rng.choice(values)) for path, values in VALUES.items() if rng.random() < 0.4
        ]
        given = dict(chosen)
        if given.get("fusion.rule") or "fusion.max_risk" in given:
            given.pop("fusion.weights", None)
        if given.get("fusion.rule"):
            given.pop("fusion.max_risk", None)
        plain = nested(given.items())
        plain["branches"] = {"tempo": {"width": rng.choice([1, 2.5]), "deep": [{"a": [1, None]}]}}
        options = Options.from_dict(plain)
        assert all(leaf(options, path) == value for path, value in given.items())
        for path in described().keys() - given.keys():
            assert leaf(options, path) == described()[path].default
        for copy in (
            Options.from_dict(json.loads(json.dumps(options.to_dict()))),
            pickle.loads(pickle.dumps(options)),
        ):
            assert copy == options
            assert hash(copy) == hash(options)
        seen.add(options)
    assert len(seen) > 100


def test_options_cannot_be_changed_from_outside():
    weights, branches = {"text": 1.0}, {"voice": {"pack": "here"}}
    options = Options(fusion=mien.FusionOptions(weights=weights), branches=branches)
    weights["text"] = 2.0
    branches["voice"]["pack"] = "there"
    assert options.to_dict()["fusion"]["weights"] == {"text": 1.0}
    assert options.branches["voice"]["pack"] == "here"
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.start = 1.0
    with pytest.raises(TypeError):
        options.branches["voice"]["pack"] = "there"


def test_what_has_two_spellings_is_one_value():
    assert mien.FaceOptions(person=3) == mien.FaceOptions(person="3")
    assert mien.SpeechOptions(words="a.srt") == mien.SpeechOptions(words=Path("a.srt"))
    assert mien.SegmentationOptions("window", 4, 2) == mien.SegmentationOptions("window", 4.0, 2.0)
    one, other = (Options(branches={"face": {"pack": p}}) for p in ("here", Path("here")))
    assert one == other


@pytest.mark.parametrize(
    ("plain", "parts"),
    [
        ({"segmentation": {"by": "scene"}}, ("segmentation.by (--by)", "'scene'", "utterance")),
        ({"segmentation": {"window": "5"}}, ("segmentation.window", "'5'", "number")),
        ({"segmentation": {"window": float("nan")}}, ("segmentation.window", "nan")),
        ({"segmentation": {"window": 10**400}}, ("segmentation.window",)),
        ({"segmentation": {"window": 1, "step": 2}}, ("1 s", "2 s", "0 < step <= window")),
        ({"segmentation": {"step": 0}}, ("step",)),
        ({"speech": {"asr": "siri"}}, ("speech.asr (--asr)", "'siri'", "whisper:MODEL")),
        ({"speech": {"asr": "none:x"}}, ("speech.asr", "'none:x'")),
        ({"speech": {"asr": None}}, ("speech.asr", "None")),
        ({"speech": {"words": 3}}, ("speech.words", "3", "path of a file")),
        ({"speech": {"speakers": 3}}, ("speech.speakers (--speakers)", "3", "path of a file")),
        ({"speech": {"speakers": None}}, ("speech.speakers", "None", "'auto' or 'none'")),
        ({"speech": {"words_source": "sung"}}, ("--words-source", "'sung'", "spoken")),
        ({"faces": {"person": "somebody"}}, ("faces.person", "'somebody'", "primary, all")),
        ({"faces": {"person": -1}}, ("faces.person", "-1")),
        ({"faces": {"person": True}}, ("faces.person", "True")),
        ({"faces": {"person": "²"}}, ("faces.person", "²")),
        ({"faces": {"policy": "median"}}, ("faces.policy (--face-policy)", "mean, peak")),
        ({"faces": {"detector": "haar"}}, ("faces.detector", "'haar'", "yunet:FILE")),
        ({"faces": {"detector": "yunet:"}}, ("faces.detector", "'yunet:'")),
        ({"faces": {"frame_rate": 0}}, ("faces.frame_rate (--fps)", "at most 60")),
        ({"faces": {"frame_rate": 61}}, ("faces.frame_rate", "61")),
        ({"fusion": {"rule": "median"}}, ("fusion.rule (--fusion)", "'median'", "pooled, length")),
        ({"fusion": {"weights": {"text": -1}}}, ("text", "-1", ">= 0")),
        ({"fusion": {"weights": {"text": "loud"}}}, ("text", "'loud'")),
        ({"fusion": {"weights": [1]}}, ("fusion.weights", "[1]")),
        ({"fusion": {"max_risk": 1}}, ("fusion.max_risk", "(0, 1)")),
        ({"fusion": {"rule": "mean", "max_risk": 0.1}}, ("'mean'", "--max-risk", "'pooled'")),
        ({"fusion": {"weights": {"text": 1}, "max_risk": 0.1}}, ("cannot be given together",)),
        ({"start": 5, "end": 5}, ("5.0 s", "start < end")),
        ({"start": -1}, ("-1.0", "0 <= start")),
        ({"start": "1"}, ("start (--start)", "'1'")),
        ({"portraits": 1.5}, ("portraits", "1.5")),
        ({"portraits": -1}, ("portraits", "-1")),
        ({"segmentation": 3}, ("segmentation", "3", "mapping")),
        ({"branches": {"voice": "folder"}}, ("branches['voice']", "'folder'", "'pack'")),
        ({"branches": {"tempo": {"a": [{1, 2}]}}}, ("branches['tempo']['a'][0]", "{1, 2}")),
        ({"branches": {"tempo": {"a": float("inf")}}}, ("branches['tempo']['a']", "inf")),
        ({"branches": {"face": {"person": "1"}}}, ("branches['face']['person']", "faces.person")),
        ({"branches": {"text": {"source": "written"}}}, ("speech.words_source",)),
        ({"faces": {"fps": 5}}, ("'faces.fps'", "frame_rate")),
        ({"sound": {}}, ("'sound'", "segmentation")),
        ({"cut": {}}, ("'cut'",)),
        ([], ("Options", "[]", "mapping")),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_its_option_and_the_remedy(plain, parts):
    with pytest.raises(OptionError) as found:
        Options.from_dict(plain)
    for part in parts:
        assert part in str(found.value)
    assert str(found.value).endswith(".")


def test_the_choices_are_those_of_the_rooms_that_read_them():
    from mien.branches import face, text
    from mien.fusion import rules
    from mien.options import groups

    assert tuple(rules.RULES) == RULES
    assert (face.WHO, face.POLICIES, text.SOURCES) == (
        groups.PEOPLE, groups.POLICIES, groups.SOURCES,
    )  # fmt: skip


def test_options_need_neither_numpy_nor_a_model():
    code = (
        "import sys, mien; mien.Options(faces=mien.FaceOptions(person=1)).to_dict();"
        "print(sorted({'numpy', 'av', 'cv2', 'onnxruntime', 'typer'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# --- resuming --------------------------------------------------------------------------------

# As they were written before version 0.2.
FLAT = {
    "fusion": "pooled",
    "cut": {"by": "window", "window": 3.0, "step": 1.0},
    "frame_rate": 5.0,
    "asr": "auto",
    "transcript": None,
    "branches": {
        "text": {"pack": "words", "source": "auto"},
        "face": {"person": "1", "policy": "mean"},
    },
    "detector": "auto",
    "start": 0.0,
    "end": None,
    "portraits": 0,
    "weights": None,
    "max_risk": None,
    "blends": None,
}


def test_options_written_before_0_2_are_the_same_options():
    now = Options(
        segmentation=mien.SegmentationOptions("window", 3, 1),
        faces=mien.FaceOptions(person=1),
        branches={"text": {"pack": "words"}},
        portraits=200,
    )
    assert differing(FLAT, now) == ()
    assert differing(now.to_dict(), now) == ()
    other = dataclasses.replace(now, faces=mien.FaceOptions(), branches={"text": {"pack": "x"}})
    assert differing(FLAT, other) == ("branches.text.pack", "faces.person")
    assert differing(FLAT | {"asr": "none"}, now) == ("speech.asr",)


# They change no answer.
HARMLESS = {"portraits", *(f"media.{name}" for name in DECODING)}


@pytest.mark.parametrize("path", sorted(HARMLESS))
def test_an_option_that_changes_no_answer_does_not_differ(path):
    then = Options.from_dict(nested([(path, VALUES[path][0])]))
    assert differing(then.to_dict(), Options()) == ()


@pytest.mark.parametrize("path", sorted(set(VALUES) - HARMLESS))
def test_each_option_that_differs_is_named(path):
    then = Options.from_dict(nested([(path, VALUES[path][0])]))
    assert differing(then.to_dict(), Options()) == (path,)


def test_options_of_a_later_version_cannot_be_resumed_and_that_is_said():
    with pytest.raises(OptionError, match=r"'later'.*cannot be resumed"):
        differing(Options().to_dict() | {"later": 1}, Options())


# --- the command line ------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The options that a command line asks for; nothing is analysed."""
    taken = []
    room = sys.modules["mien.cli.analyze"]
    monkeypatch.setattr(room, "run_analysis", lambda *rest: None)
    monkeypatch.setattr("mien.analyzer.Analyzer", taken.append)

    def run(*words):
        done = CliRunner().invoke(app, ["analyze", "clip.mp4", *map(str, words)])
        if done.exception is not None:
            raise done.exception
        return taken.pop()

    return run


def test_without_flags_they_are_the_defaults(asked):
    assert asked() == Options()


@pytest.mark.parametrize(
    ("path", "value"), [(p, v) for p in VALUES for v in VALUES[p] if described()[p].flag]
)
def test_each_flag_sets_its_option_and_no_other(asked, path, value):
    word = ",".join(f"{k}={v}" for k, v in value.items()) if path == "fusion.weights" else value
    found = asked(described()[path].flag, *([] if value is True else [word]))
    implied = [("segmentation.by", "speaker")] if value == "talk.rttm" else []
    assert found == Options.from_dict(nested([(path, value), *implied]))


def analyze_params():
    return typer.main.get_command(app).commands["analyze"].params


def test_the_help_says_of_each_flag_what_the_page_says_under_the_heading_of_its_group():
    params = {param.opts[0]: param for param in analyze_params()}
    for one in described().values():
        if one.flag:
            param = params[one.flag]
            assert param.help == one.meaning
            assert param.rich_help_panel == flags.PANELS[one.group]
            assert param.default == one.default
    assert set(flags.PANELS) == {"", *group_types()}


@pytest.mark.parametrize("width", [80, 120])
def test_the_help_stands_whole(width):
    run = CliRunner().invoke(app, ["analyze", "--help"], env={"COLUMNS": str(width)})
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", run.output).split())
    assert "…" not in text
    assert max(map(len, run.output.splitlines())) <= width
    for param in analyze_params():
        assert param.opts[-1] in text
    for one in described().values():
        assert not one.flag or one.meaning.split(":")[0].split("(")[0].strip()[:25] in text


def test_every_flag_of_every_command_has_a_help_text():
    def walk(command, name):
        for key, child in getattr(command, "commands", {}).items():
            yield from walk(child, f"{name} {key}")
        for param in command.params:
            yield f"{name} {param.name}", getattr(param, "help", None)

    missing = [name for name, text in walk(typer.main.get_command(app), "mien") if not text]
    assert missing == []


def test_a_report_is_by_windows_unless_another_way_is_asked_for(asked, tmp_path):
    page = tmp_path / "a.html"
    assert asked("--report", page, "--report-media", "none").segmentation.by == "window"
    assert asked("--report", page, "--report-media", "none").portraits > 0
    assert (
        asked("--report", page, "--report-media", "none", "--by", "clip").segmentation.by == "clip"
    )


def test_explicit_options_override_the_preset(asked, monkeypatch):
    told = []
    system = Options(
        speech=mien.SpeechOptions(asr="whisper:tiny"),
        faces=mien.FaceOptions(policy="peak", convention="fer2013"),
        fusion=mien.FusionOptions(rule="length"),
        branches={"text": {"pack": "theirs"}},
    )
    monkeypatch.setattr("mien.presets.paper", lambda parts, say: told.append(parts) or system)
    assert asked("--preset", "paper") == system
    found = asked(
        "--preset", "paper", "--fusion", "pooled", "--face-policy", "mean", "--voice", "mine",
        "--asr", "none",
    )  # fmt: skip
    assert told[-1].voice == "mine"
    assert told[-1].asr == "none"
    assert found.fusion.rule == "pooled", "the default, but asked for"
    assert found.faces == mien.FaceOptions(policy="mean", convention="fer2013")
    assert found.speech.asr == "none"
    assert found.branches == system.branches


@pytest.mark.parametrize("branch", ["text", "voice", "face"])
def test_each_model_is_named_in_the_same_way(asked, tmp_path, branch):
    folder = tmp_path / "pack"
    folder.mkdir()
    assert asked(f"--{branch}", folder).branches == {branch: {"pack": str(folder)}}


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("analyze", "a.wav", "--face-pack", "p"), "--face-pack is now --face PACK"),
        (("analyze", "a.wav", "--text-pack=p"), "--text-pack is now --text PACK"),
        (("analyze", "a.wav", "--face", "primary"), "--person primary"),
        (("analyze", "a.wav", "--face=all"), "--person all"),
        (("analyze", "a.wav", "--face", "2"), "--person 2"),
        (("evaluate", "fusion", "--data", "d", "--for", "text=p"), "--for is now --text PACK"),
        (("train", "fusion", "--out", "o", "--for", "text=p"), "--for is now --text PACK"),
    ],
)
def test_an_old_name_is_refused_with_the_new_one(words, part):
    error = CliRunner().invoke(app, list(words)).exception
    assert isinstance(error, OptionError)
    assert part in str(error)


def test_json_is_an_export(tmp_path, monkeypatch):
    (tmp_path / "words.txt").write_text("I am so happy!")
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke(
        app, ["analyze", "words.txt", "--json", "a.out", "--export", "b.json", "--export", "c.csv"]
    )
    assert run.exception is None, run.exception
    one, other = (json.loads(Path(name).read_text()) for name in ("a.out", "b.json"))
    assert one == other
    assert Options.from_dict(one["provenance"]["options"]) == Options()
    for words in (["--export", "b.json"], ["--json", "a.out"]):
        run = CliRunner().invoke(app, ["analyze", "words.txt", *words, "--resume"])
        assert run.exception is None, "a whole analysis is given back as it is"
    for words in (["--json", "-"], ["--export", "c.csv"], []):
        error = CliRunner().invoke(app, ["analyze", "words.txt", *words, "--resume"]).exception
        assert "--resume needs --json FILE" in str(error)


# --- one analyzer for many -------------------------------------------------------------------


def test_making_an_analyzer_reads_no_pack(monkeypatch):
    def no(*args, **more):
        raise AssertionError("a pack was read")

    mien.Analyzer()  # imports the branches
    monkeypatch.setattr("mien.packs.file_sha256", no)
    monkeypatch.setattr("mien.packs.Manifest.read", no)
    started = time.perf_counter()
    for options in (
        Options(),
        Options(fusion=mien.FusionOptions(max_risk=0.2)),
        Options(fusion=mien.FusionOptions(weights={"text": 2.0})),
        Options(branches={"voice": {"pack": "nowhere"}}),
    ):
        mien.Analyzer(options)
    assert time.perf_counter() - started < 0.5
    with pytest.raises(AssertionError, match="a pack was read"):
        mien.Analyzer().analyze_text("hello")


@pytest.mark.parametrize(
    "options",
    [
        {"branches": {"voice": {"pack": "nowhere"}}},
        {"fusion": {"max_risk": 1e-6}},
    ],
)
def test_a_pack_that_cannot_be_used_is_found_before_the_recording_is_read(options, tmp_path):
    from mien.errors import MediaError, MienError

    broken = tmp_path / "a.mp4"
    broken.write_text("no film")
    analyzer = mien.Analyzer(Options.from_dict(options))
    with pytest.raises(MienError) as found:
        analyzer.analyze(broken)
    assert not isinstance(found.value, MediaError)


def test_what_needs_no_pack_is_refused_when_an_analyzer_is_made():
    with pytest.raises(OptionError, match="ear"):
        mien.Analyzer(Options(branches={"ear": {}}))
    with pytest.raises(OptionError, match="ear"):
        mien.Analyzer(Options(fusion=mien.FusionOptions(weights={"ear": 1})))
    with pytest.raises(InputError, match=r"none\.onnx"):
        mien.Analyzer(Options(faces=mien.FaceOptions(detector="yunet:none.onnx")))


@pytest.fixture
def made(monkeypatch):
    """The options of every analyzer that is made, which analyses nothing."""
    from mien import shortcuts

    options = []

    class Counted:
        def __init__(self, wanted):
            options.append(wanted)

        def analyze_text(self, text):
            return text

        def analyze(self, path, progress, stop):
            return path

    monkeypatch.setattr(shortcuts, "Analyzer", Counted)
    shortcuts.cached_analyzer.cache_clear()
    yield options
    shortcuts.cached_analyzer.cache_clear()


def test_analyze_keeps_the_analyzers_of_the_last_options(made):
    deaf = Options(speech=mien.SpeechOptions(asr="none"))
    mien.analyze_text("a")
    mien.analyze("a.mp4")
    mien.analyze_text("b", Options())
    mien.analyze_text("c", deaf)
    mien.analyze_text("c", Options.from_dict(deaf.to_dict()))
    mien.analyze_text("d")
    assert made == [Options(), deaf]
    for start in (1.0, 2.0, 3.0):
        mien.analyze_text("e", Options(start=start))
    mien.analyze_text("f")
    assert len(made) == 6, "the first was dropped: only some are kept"


@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("pack.json", lambda folder: {"branches": {"text": {"pack": str(folder)}}}),
        ("pack.json", lambda folder: {"fusion": {"rule": str(folder)}}),
        ("mine.toml", lambda folder: {"fusion": {"blends": str(folder / "mine.toml")}}),
    ],
)
def test_what_was_written_anew_in_the_same_place_is_read_anew(made, tmp_path, file, options):
    (tmp_path / file).write_text("{}")
    asked = Options.from_dict(options(tmp_path))
    mien.analyze_text("a", asked)
    mien.analyze_text("b", asked)
    assert len(made) == 1
    (tmp_path / file).write_text("{ }")
    mien.analyze_text("c", asked)
    assert len(made) == 2


def test_the_same_name_in_another_folder_is_another_pack(made, tmp_path, monkeypatch):
    asked = Options(branches={"text": {"pack": "pack"}})
    for name in ("one", "other"):
        (tmp_path / name / "pack").mkdir(parents=True)
        (tmp_path / name / "pack" / "pack.json").write_text("{}")
        monkeypatch.chdir(tmp_path / name)
        mien.analyze_text("a", asked)
    assert len(made) == 2


def test_the_examples_of_the_page_run():
    text = (ROOT / "docs" / "options.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 2
    names = {}
    for block in blocks:
        exec(block, names)
    assert names["analyzer"].options.segmentation.window == 3.0
