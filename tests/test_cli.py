"""The command as a user meets it: what it prints, what it writes, how it refuses."""

import json
import wave
from pathlib import Path

import numpy as np
import pytest

import mien
from mien.analysis.analysis import Analysis
from tests.console import mien as command
from tests.console import process


def refused(run):
    """One clear sentence, exit code 2, no traceback."""
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    lines = [line for line in run.stderr.splitlines() if line.strip()]
    assert len(lines) == 1, run.stderr
    assert lines[0].startswith("mien: ")
    return lines[0]


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((np.asarray(samples) * 32767).astype(np.int16).tobytes())


def test_a_clip_gives_a_table_and_every_file(demo_clip, tmp_path):
    out = {name: tmp_path / name for name in ("a.json", "a.png", "a.srt")}
    run = process(
        "analyze", demo_clip, "--json", out["a.json"], "--figure", out["a.png"],
        "--transcript", out["a.srt"],
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    for word in ("anger", "surprise", "text", "voice", "face", "fused", "quality"):
        assert word in run.stdout
    analysis = Analysis.from_dict(json.loads(out["a.json"].read_text()))
    assert set(analysis.by_branch) == {"text", "voice", "face"}
    assert all(evidence.present.all() for evidence in analysis.by_branch.values())
    assert out["a.png"].read_bytes().startswith(b"\x89PNG")
    assert "-->" in out["a.srt"].read_text()


def test_json_on_standard_output_is_json_alone(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("What a wonderful day, I am so happy!")
    run = process("analyze", path, "--json", "-")
    value = json.loads(run.stdout)
    assert value["clip"]["kind"] == "text"
    probs = value["fused"]["rows"][0]["probs"]
    assert value["labels"][int(np.argmax(probs))] == "joy"


@pytest.mark.parametrize("rule", ["length", "mean", "best"])
def test_fusion_rules_are_chosen_by_name(rule, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("hello")
    run = command("analyze", path, "--fusion", rule, "--json", tmp_path / "a.json")
    assert run.returncode == 0
    options = json.loads((tmp_path / "a.json").read_text())["provenance"]["options"]
    assert options["fusion"]["rule"] == rule


# --- what is missing says why ----------------------------------------------------------------


def reasons(path):
    analysis = mien.analyze(path)
    return {name: e.reasons[0] for name, e in analysis.by_branch.items()}, analysis


def test_a_text_has_neither_voice_nor_face(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("I am afraid.")
    why, analysis = reasons(path)
    assert why == {"text": "", "voice": "a text has no sound", "face": "a text has no picture"}
    assert analysis.fused.top(0) == "fear"


def test_a_sound_has_no_face_and_silence_no_words(tmp_path):
    path = tmp_path / "a.wav"
    write_wav(path, np.zeros(32_000))
    why, analysis = reasons(path)
    silence = "silence (peak -120 dB of full scale or less)"
    assert why == {"text": "no speech was found", "voice": silence, "face": "no picture"}
    assert analysis.fused.reasons == ("no modality could be judged",)


def test_a_picture_has_neither_sound_nor_words(tmp_path):
    from matplotlib import cbook

    path = tmp_path / "portrait.jpg"
    sample = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    path.write_bytes(Path(sample).read_bytes())
    why, analysis = reasons(path)
    assert why == {
        "text": "a picture has no sound", "voice": "a picture has no sound", "face": "",
    }  # fmt: skip
    assert analysis.fused.top(0) == analysis.by_branch["face"].top(0)


def test_a_silent_film_has_a_face_alone(tmp_path):
    import av

    from mien.demo import portrait_pictures

    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=12)
        stream.width, stream.height, stream.pix_fmt = 480, 360, "yuv420p"
        for picture in portrait_pictures(24):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    why, _ = reasons(path)
    assert why == {"text": "no sound", "voice": "no sound", "face": ""}


# --- refusals --------------------------------------------------------------------------------


def truncated(folder, clip):
    path = folder / "cut.mp4"
    path.write_bytes(clip.read_bytes()[:3000])
    return path


def renamed(folder, clip):
    path = folder / "text.mp4"
    path.write_text("this is no film")
    return path


def empty(folder, clip):
    path = folder / "empty.mp4"
    path.write_bytes(b"")
    return path


def soundless(folder, clip):
    path = folder / "nothing.wav"
    write_wav(path, [])
    return path


@pytest.mark.parametrize(
    "make",
    [truncated, renamed, empty, soundless, lambda f, c: f, lambda f, c: f / "missing.mp4"],
    ids=["truncated", "renamed", "empty", "zero-length", "directory", "missing"],
)
def test_bad_files_get_one_sentence(make, tmp_path, demo_clip):
    path = make(tmp_path, demo_clip)
    assert path.name in refused(command("analyze", path))


def test_the_program_refuses_with_its_exit_code(tmp_path):
    """A process of its own; the other refusals run in this one, by the same ``main``."""
    assert "missing.mp4" in refused(process("analyze", tmp_path / "missing.mp4"))


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("--fusion", "median"), "length, mean, best"),
        (("--by", "scene"), "clip, utterance, window"),
        (("--asr", "siri"), "auto, whisper, whisper:MODEL, none"),
        (("--asr", "whisper:/nowhere"), "/nowhere"),
        (("--figure", "a.gif"), ".png, .svg, .pdf"),
        (("--transcript", "a.doc"), ".txt, .srt, .vtt"),
        (("--json", "/nowhere/a.json"), "a folder that exists"),
        (("--words", "missing.srt"), "missing.srt"),
        (("--face", "."), "pack.json"),
        (("--face", "./pack"), "nothing at ./pack"),
        (("--face-pack", "."), "--face-pack is now --face"),
        (("--text-pack=a", "--by", "clip"), "--text-pack is now --text"),
        (("--voice-pack", "a"), "--voice-pack is now --voice"),
        (("--face", "primary"), "--person primary"),
        (("--face", "all"), "--person all"),
        (("--face", "1"), "--person 1"),
        (("--person", "somebody"), "primary, all"),
        (("--face-policy", "median"), "mean, peak"),
        (("--words-source", "sung"), "auto, spoken, written"),
        (("--detector", "eyes"), "auto, embedded, yunet:FILE"),
        (("--detector", "haar"), "auto, embedded, yunet:FILE"),
        (("--detector", "yunet:none.onnx"), "none.onnx"),
        (("--detector", "yunet:"), "embedded, yunet:FILE"),
        (("--fps", "0"), "frame_rate"),
    ],
)
def test_bad_options_get_one_sentence_with_the_remedy(words, part, tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("hello")
    assert part in refused(command("analyze", path, *words))


def test_evaluate_refuses_what_is_not_there(tmp_path):
    assert "does not exist" in refused(command("evaluate", "text", "--data", tmp_path / "none.csv"))
    (tmp_path / "a.csv").write_text("text,label\n")
    assert "No row" in refused(command("evaluate", "text", "--data", tmp_path / "a.csv"))


def test_evaluate_writes_the_named_figures(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text('text,label\nI am so happy!,joy\nI am so sad.,sadness\n"Ugh, gross",disgust\n')
    run = command("evaluate", "text", "--data", path, "--json", tmp_path / "out.json")
    assert run.returncode == 0, run.stderr
    value = json.loads((tmp_path / "out.json").read_text())
    assert {"accuracy", "uar", "macro_f1", "weighted_f1", "ece", "nll"} <= set(value)
    assert value["rows"] == 3
    assert np.sum(value["confusion"]) == 3


def test_faces_are_judged_by_the_convention_that_the_set_carries_or_by_the_one_asked_for(tmp_path):
    from typer.testing import CliRunner

    from mien.cli import app
    from tests.planted import write_faces, write_voted_faces

    def judged(path, *more):
        words = ["evaluate", "face", "--data", path, "--json", tmp_path / "out.json", *more]
        run = CliRunner().invoke(app, [str(word) for word in words])
        return run, json.loads((tmp_path / "out.json").read_text()) if not run.exception else {}

    voted, plain = write_voted_faces(tmp_path / "a.npz"), write_faces(tmp_path / "b.npz")
    run, by_votes = judged(voted)
    assert "convention observers" in run.stdout
    assert (by_votes["convention"], by_votes["rows"]) == ("observers", 84)
    assert by_votes["rows_with_one_label"] == 83, "of one picture nobody names a label"
    run, by_label = judged(voted, "--convention", "fer2013", "--posteriors", tmp_path / "t.csv")
    assert "convention fer2013" in run.stdout
    assert by_label["rows_with_one_label"] == 84
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 85
    assert judged(voted, "--posteriors", tmp_path / "t.csv")[1]
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 84
    assert judged(plain)[1]["convention"] == "fer2013"
    run, _ = judged(plain, "--convention", "observers")
    assert "no votes of observers" in str(run.exception)


def test_models_are_listed_with_their_terms():
    listed = command("models", "list").stdout
    for kind in ("face", "voice", "text"):
        assert f"mien-{kind}" in listed
        assert "non-commercial" in command("models", "info", kind).stdout


def test_the_demo_leaves_its_files(tmp_path):
    run = command("demo", "--out", tmp_path / "demo")
    assert run.returncode == 0, run.stderr
    for name in ("demo.mp4", "analysis.json", "analysis.png", "report.html"):
        assert (tmp_path / "demo" / name).stat().st_size > 1000
        assert name in run.stdout


def _commands(command, name=""):
    yield name, command
    for part, child in getattr(command, "commands", {}).items():
        yield from _commands(child, f"{name} {part}")


def test_help_paragraphs_fit_80_columns_as_they_are_written():
    """The help keeps the line breaks of a docstring: longer lines leave single words on a line."""
    from typer.main import get_command

    from mien.cli import app

    found = dict(_commands(get_command(app)))
    assert len(found) > 15
    for name, one in found.items():
        _, _, rest = (one.help or "").partition("\n\n")
        long = [line for line in rest.splitlines() if len(line) > 78]
        assert not long, f"mien{name} --help: {long}"
