"""Folders of labelled clips: their layouts, the judging of each clip, a run that was killed."""

import csv
import json
import subprocess
import sys
import time
from itertools import islice

import numpy as np
import pytest
from typer.testing import CliRunner

from mien.cli import app
from mien.datasets import load_clips
from mien.datasets.posteriors import load_posteriors
from mien.demo import portrait_pictures
from mien.emotions import MIEN7
from mien.errors import DataError
from mien.media import load_audio
from mien.media.writer import write_clip
from mien.packs import EMBEDDED

WORDS = {"joy": "What a wonderful day, I am so happy!", "sadness": "I am so sad and lonely."}


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def labels_of(clips):
    return [MIEN7.labels[i] for i in clips.labels]


# --- layouts ---------------------------------------------------------------------------------


def test_a_csv_names_clips_labels_groups_and_words(tmp_path):
    (tmp_path / "l.csv").write_text("file,label,group,text\na/1.mp4,happy,ann,Hello\nb.wav,sad,,\n")
    clips = load_clips(tmp_path, tmp_path / "l.csv")
    assert clips.items == [str(tmp_path / "a" / "1.mp4"), str(tmp_path / "b.wav")]
    assert labels_of(clips) == ["joy", "sadness"]
    assert clips.groups.tolist() == ["ann", ""]
    assert clips.extra["words"].tolist() == ["Hello", ""]


def test_without_texts_the_words_are_to_be_heard(tmp_path):
    (tmp_path / "l.csv").write_text("file,label\n1.mp4,joy\n")
    assert "words" not in load_clips(tmp_path, tmp_path / "l.csv").extra


def test_ravdess_and_crema_d_with_pictures_where_there_are_any(tmp_path):
    touch(
        tmp_path, "Actor_01/01-01-03-01-01-01-01.mp4", "Actor_01/03-01-03-01-01-01-01.wav",
        "Actor_02/03-01-04-01-01-01-02.wav", "Actor_02/02-01-04-01-01-01-02.mp4",
        "AudioWAV/1001_DFA_ANG_XX.wav", "VideoFlash/1001_DFA_ANG_XX.flv",
    )  # fmt: skip
    clips = load_clips(tmp_path)
    names = [item.rsplit("/", 1)[1] for item in clips.items]
    # Pictures alone (02) have no voice and are left out.
    assert names == [
        "01-01-03-01-01-01-01.mp4", "03-01-04-01-01-01-02.wav", "1001_DFA_ANG_XX.flv",
    ]  # fmt: skip
    assert labels_of(clips) == ["joy", "sadness", "anger"]
    assert clips.groups.tolist() == ["ravdess/01", "ravdess/02", "crema-d/1001"]


MELD = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"


def test_meld_takes_the_clips_of_its_own_split(tmp_path):
    (tmp_path / "dev_sent_emo.csv").write_text(
        MELD + "1,Oh my God!,Ross,surprise,positive,0,0\n2,No\x92s fine,Joey,anger,negative,12,3\n"
    )
    touch(tmp_path, "train_splits/dia0_utt0.mp4", "dev_splits_complete/dia0_utt0.mp4")
    clips = load_clips(tmp_path, tmp_path / "dev_sent_emo.csv")
    # The second is missing, as some are in the published set; that is found when it is judged.
    assert clips.items == [
        str(tmp_path / "dev_splits_complete" / "dia0_utt0.mp4"), str(tmp_path / "dia12_utt3.mp4"),
    ]  # fmt: skip
    assert clips.groups.tolist() == ["dev/0", "dev/12"]
    assert clips.extra["words"][0] == "Oh my God!"
    touch(tmp_path, "more/dev_again/dia0_utt0.mp4")
    with pytest.raises(DataError, match="exists 3 times"):
        load_clips(tmp_path, tmp_path / "dev_sent_emo.csv")


@pytest.mark.parametrize(
    ("text", "part"),
    [("file,label\na,joy\na,joy\n", "more than once"), ("name,label\na,joy\n", "no column 'file'")],
)
def test_labels_that_cannot_be_used_say_why(tmp_path, text, part):
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(DataError, match=part):
        load_clips(tmp_path, tmp_path / "l.csv")


# --- judging ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """A portrait and a spoken sentence, 2 s."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    write_clip(
        path,
        islice(portrait_pictures(12), 8),
        4,
        load_audio(EMBEDDED / "demo" / "speech.flac")[:32_000],
    )
    return path


@pytest.fixture
def folder(tmp_path, film):
    """Six clips of three people with words that tell the label, and one that is no clip."""
    data = tmp_path / "data"
    data.mkdir()
    rows = [["file", "label", "group", "text"]]
    for person in "abc":
        for label, words in WORDS.items():
            (data / f"{person}-{label}.mp4").write_bytes(film.read_bytes())
            rows.append([f"{person}-{label}.mp4", label, person, words])
    (data / "broken.mp4").write_text("no film")
    rows.append(["broken.mp4", "joy", "c", ""])
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path


def words_of(folder, out="pack"):
    return [
        "train", "fusion", "--data", str(folder / "data"), "--labels", str(folder / "labels.csv"),
        "--out", str(folder / out), "--folds", "3",
    ]  # fmt: skip


def kept_rows(folder):
    path = folder / "pack.run" / "posteriors.csv"
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_killed_run_goes_on_where_it_stopped_and_ends_in_a_pack(folder):
    """Killed for good, without a chance to tidy up; what was judged is not judged again."""
    run = subprocess.Popen(
        [sys.executable, "-m", "mien", *words_of(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while run.poll() is None and len(kept_rows(folder)) < 6:
        time.sleep(0.02)
    run.kill()
    run.wait()
    before = {row["item"] for row in kept_rows(folder)}
    assert 1 <= len(before) < 6, "the run was not killed half-way"
    # A mark that only survives where nothing is judged anew; and a line that was cut short.
    path = folder / "pack.run" / "posteriors.csv"
    lines = path.read_text().splitlines()
    marked = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    marked |= dict.fromkeys(MIEN7.labels, "0.1") | {"joy": "0.4"}
    path.write_text("\n".join([lines[0], ",".join(marked.values()), *lines[2:], "c-joy.mp4,te"]))

    done = CliRunner().invoke(app, words_of(folder))
    assert done.exit_code == 0, done.output
    assert f"{len(before)} of 7 clips were judged before" in done.output
    assert "not analysed: broken.mp4:" in done.output
    table = load_posteriors(path)
    assert len(table) == 6
    assert sorted(set(table.groups)) == ["a", "b", "c"]
    assert set(table.posteriors) == {"text", "voice", "face"}
    assert all(posteriors.present.all() for posteriors in table.posteriors.values())
    first = table.items.index(marked["item"])
    assert table.posteriors[marked["branch"]].probs[first] == pytest.approx(
        [0.1] * 3 + [0.4] + [0.1] * 3
    )
    says = table.posteriors["text"].probs.argmax(axis=1)
    others = [i for i in range(6) if (table.items[i], marked["branch"]) != (marked["item"], "text")]
    assert says[others].tolist() == table.labels[others].tolist()

    manifest = json.loads((folder / "pack" / "pack.json").read_text())
    assert set(manifest["training"]["fitted_for"]) == {"text", "voice", "face"}
    assert (folder / "pack" / "risk.png").exists()


def test_a_folder_is_evaluated_and_a_clip_that_changed_is_judged_anew(folder, film):
    kept, out = folder / "kept.csv", folder / "out.json"
    words = [
        "evaluate", "fusion", "--data", folder / "data", "--labels", folder / "labels.csv",
        "--posteriors", kept, "--json", out, "--folds", "3",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.output
    value = json.loads(out.read_text())
    assert value["text"]["accuracy"] == 1.0
    assert value["about"]["groups"] == 3
    assert value["about"]["failures"][0].startswith("broken.mp4: ")
    assert "not analysed: broken.mp4" in done.output

    # Another text, another label: only the text is judged anew, the label is taken as it is now.
    labels = (folder / "labels.csv").read_text()
    (folder / "labels.csv").write_text(
        labels.replace(
            f'a-joy.mp4,joy,a,"{WORDS["joy"]}"', "a-joy.mp4,fear,a,I am so afraid!"
        ).replace("broken.mp4,joy,c,\n", "")
    )
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    table = load_posteriors(kept)
    row = table.items.index("a-joy.mp4")
    fear = MIEN7.index("fear")
    assert (table.labels[row], table.posteriors["text"].probs[row].argmax()) == (fear, fear)
    assert json.loads(out.read_text())["about"]["failures"] == []


def test_too_few_groups_are_found_out_before_a_clip_is_judged(folder):
    done = CliRunner().invoke(app, [*words_of(folder)[:-1], "5"])
    assert "5 folds cannot be had from 3 groups" in str(done.exception)
    labels = (folder / "labels.csv").read_text().replace(",c,", ",b,")
    (folder / "labels.csv").write_text(labels)
    done = CliRunner().invoke(app, words_of(folder))
    assert "2 groups; cross-validation" in str(done.exception)
    assert kept_rows(folder) == []


def test_a_folder_needs_a_place_and_a_table_takes_no_labels(tmp_path):
    (tmp_path / "t.csv").write_text("item,branch,label\n")
    done = CliRunner().invoke(app, ["evaluate", "fusion", "--data", str(tmp_path)])
    assert "--posteriors" in str(done.exception)
    words = ["evaluate", "fusion", "--data", str(tmp_path / "t.csv"), "--labels", "l.csv"]
    assert "--labels applies to a folder" in str(CliRunner().invoke(app, words).exception)


@pytest.mark.data
def test_ravdess_as_it_is_published(shared, tmp_path):
    """Three actors, joy and sadness; sound alone: the face is absent throughout."""
    data = tmp_path / "ravdess"
    for actor in ("01", "02", "03"):
        (data / f"Actor_{actor}").mkdir(parents=True)
        for emotion in ("03", "04"):
            name = f"Actor_{actor}/03-01-{emotion}-02-01-01-{actor}.flac"
            (data / name).symlink_to(shared / "ravdess" / name)
    kept = tmp_path / "kept.csv"
    words = [
        "evaluate", "fusion", "--data", data, "--posteriors", kept, "--folds", "3",
        "--asr", "none",
    ]  # fmt: skip
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    table = load_posteriors(kept)
    assert sorted(set(table.groups)) == ["ravdess/01", "ravdess/02", "ravdess/03"]
    assert table.posteriors["voice"].present.all()
    assert not table.posteriors["face"].present.any()
    assert np.all(table.seconds > 2)
