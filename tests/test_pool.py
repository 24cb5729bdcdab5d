"""The learned pool against planted answers and against scikit-learn."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mien.analysis.evidence import Evidence
from mien.datasets.posteriors import load_posteriors, load_table, save_posteriors
from mien.datasets.votes import load_votes
from mien.emotions import MIEN7
from mien.errors import DataError, OptionError, PackError
from mien.fusion.compare import Pools, answers, out_of_fold
from mien.fusion.fit import FitOptions, Regression, curvature_of, fit_pool, newton
from mien.fusion.pool import Pool, conditional, softmax
from mien.fusion.speaker_normalisation import with_speaker_means
from mien.metrics import classification_figures, mcnemar_p
from mien.posteriors import Posteriors, PosteriorTable, group_folds
from mien.timebase import Segment

SIX = MIEN7.labels[:6]


def planted(n=2500, seed=0, absent=0.0, k=7, groups=20):
    """Two posteriors, independent given the label; their posteriors are true (equal priors)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    posteriors = {}
    for name, sharp in (("ear", 1.0), ("eye", 1.6)):
        # The posterior of Gaussian evidence: mean `sharp` at the true label, unit noise.
        heard = rng.normal(size=(n, k)) + sharp * np.eye(k)[labels]
        probs = np.zeros((n, 7))
        probs[:, :k] = softmax(sharp * heard)
        probs[rng.random(n) < absent] = np.nan
        posteriors[name] = Posteriors(probs, np.ones(n))
    names = np.array([f"g{i % groups}" for i in range(n)])
    items = tuple(f"i{i}" for i in range(n))
    return PosteriorTable("planted", items, labels, names, posteriors, np.zeros(n))


@pytest.fixture(scope="module")
def table():
    return planted(n=1500, absent=0.1)


@pytest.fixture(scope="module")
def pool(table):
    return fit_pool(table)


# --- the fit ---------------------------------------------------------------------------------


def test_newton_agrees_with_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    design = rng.normal(size=(600, 5))
    target = np.argmax(design @ rng.normal(size=(5, 3)) + rng.gumbel(size=(600, 3)), axis=1)
    penalty = 2.5
    ours = newton(Regression(design, target, np.zeros(3), np.zeros((5, 3))), penalty)
    theirs = LogisticRegression(C=1 / penalty, fit_intercept=False, tol=1e-10, max_iter=1000)
    theirs.fit(design, target)
    assert np.abs(ours.T - theirs.coef_).max() < 1e-4


def test_the_curvature_is_that_of_the_slope():
    rng = np.random.default_rng(2)
    design, weights = rng.normal(size=(50, 3)), rng.normal(size=(3, 4))
    target = rng.integers(0, 4, 50)
    onehot = np.eye(4)[target]

    def slope(w):
        return (design.T @ (softmax(design @ w) - onehot) + 0.7 * w).T.ravel()

    data = Regression(design, target, np.zeros(4), np.zeros((3, 4)))
    curvature = curvature_of(data, softmax(design @ weights), 0.7)
    for i in range(12):
        bump = np.zeros(12)
        bump[i] = 1e-6
        step = bump.reshape(4, 3).T
        numeric = (slope(weights + step) - slope(weights - step)) / 2e-6
        assert curvature[i] == pytest.approx(numeric, abs=1e-5)


def test_a_known_generative_model_is_recovered():
    """For independent true posteriors under equal priors, the best answer is their product."""
    pool, fresh = fit_pool(planted(n=4000)), planted(seed=9)
    product = np.log(fresh.posteriors["ear"].probs) + np.log(fresh.posteriors["eye"].probs)
    ideal, pooled = softmax(product), pool.probs(fresh.posteriors)
    best = classification_figures(fresh.labels, ideal)
    ours = classification_figures(fresh.labels, pooled)
    assert ours["accuracy"] == pytest.approx(best["accuracy"], abs=0.01)
    assert ours["nll"] == pytest.approx(best["nll"], abs=0.02)
    assert ours["ece"] < 0.03
    assert pool.weight("ear", ("ear", "eye")) == pytest.approx(1.0, abs=0.1)


def test_an_echo_is_not_counted_twice():
    """Two posteriors that say the same are worth one: their weights add up to one."""
    table = planted()
    twice = PosteriorTable(
        "echo", table.items, table.labels, table.groups,
        {"eye": table.posteriors["eye"], "mirror": table.posteriors["eye"]}, table.seconds,
    )  # fmt: skip
    pool = fit_pool(twice)
    pair = ("eye", "mirror")
    assert sum(pool.weight(name, pair) for name in pair) == pytest.approx(1.0, abs=0.05)
    alone = pool.probs({"eye": table.posteriors["eye"]})
    assert np.abs(pool.probs(twice.posteriors) - alone).mean() < 0.01


def test_the_fit_is_the_same_at_every_run(table, pool):
    assert fit_pool(table).to_dict() == pool.to_dict()


# --- the form --------------------------------------------------------------------------------


def test_a_lone_modality_equals_its_own_calibrated_classifier(table, pool):
    """Fitted without any other modality, the same figures to the last digit that matters."""
    for name, posteriors in table.posteriors.items():
        alone = PosteriorTable(
            name, table.items, table.labels, table.groups, {name: posteriors}, table.seconds
        )
        own = fit_pool(alone).probs({name: posteriors})
        assert pool.probs({name: posteriors}) == pytest.approx(own, abs=1e-9, nan_ok=True)


def test_a_missing_modality_is_a_zero_term(table, pool):
    silent = Posteriors(np.full((len(table), 7), np.nan), np.zeros(len(table)))
    eye = table.posteriors["eye"]
    terms = pool.terms({"eye": eye, "ear": silent})
    assert not terms["ear"].any()
    both, one = pool.probs({"eye": eye, "ear": silent}), pool.probs({"eye": eye})
    assert both == pytest.approx(one, nan_ok=True)


def test_quality_zero_is_as_good_as_missing_beside_another_modality(table, pool):
    eye, ear = table.posteriors["eye"], table.posteriors["ear"]
    shut = Posteriors(eye.probs, np.zeros(len(table)))
    both = eye.present & ear.present
    assert both.any()
    terms = pool.terms({"eye": shut, "ear": ear})
    assert terms["eye"][both] == pytest.approx(0)
    assert np.abs(terms["ear"][both]).max() > 1


def test_a_modality_alone_counts_in_full_whatever_its_quality(table, pool):
    eye = table.posteriors["eye"]
    dim = Posteriors(eye.probs, np.where(eye.present, 0.2, 0.0))
    here = pool.probs({"eye": dim})[eye.present]
    assert here == pytest.approx(pool.calibrated_probs("eye", eye)[eye.present])


def test_another_prior_shifts_the_log_odds_by_its_ratio(table, pool):
    prior = dict(zip(pool.labels, np.arange(1, 8) / 28, strict=True))
    there, here = pool.probs(table.posteriors, prior), pool.probs(table.posteriors)
    rows = np.isfinite(here[:, 0])
    shift = np.log(there[rows] / here[rows])
    expected = np.log(np.array(list(prior.values())) / pool.prior)
    assert np.ptp(shift - expected, axis=1) == pytest.approx(0, abs=1e-9)
    with pytest.raises(OptionError, match="no share above 0 to joy"):
        pool.probs(table.posteriors, prior | {"joy": 0.0})


def test_a_modality_unknown_to_the_pool_enters_as_it_is(table, pool):
    pulse = Posteriors(table.posteriors["ear"].probs, np.ones(len(table)))
    term = pool.terms({"pulse": pulse})["pulse"][pulse.present]
    expected = np.log(conditional(pulse.probs[pulse.present], pool.labels)) + np.log(7)
    assert term == pytest.approx(expected, abs=1e-6)


def test_segments_are_fused_with_absence_kept(pool):
    segments = (Segment(0, 1), Segment(1, 2))
    row = (np.array([0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]), 0.8)
    eye = Evidence.of_rows("eye", segments, [row, "no face"])
    ear = Evidence.of_rows("ear", segments, ["no speech", "no speech"])
    fused = pool.fuse({"eye": eye, "ear": ear})
    assert fused.top(0) == "anger"
    assert fused.quality[0] == pytest.approx(0.8)
    assert fused.present.tolist() == [True, False]


def test_a_pool_survives_its_pack(table, pool):
    again = Pool.from_dict(json.loads(json.dumps(pool.to_dict())))
    ours, theirs = pool.probs(table.posteriors), again.probs(table.posteriors)
    assert ours == pytest.approx(theirs, abs=1e-5, nan_ok=True)
    with pytest.raises(PackError, match="format"):
        Pool.from_dict({"format": 99})


def test_labels_without_data_are_never_answered():
    table = planted(k=6)
    pool = fit_pool(table)
    assert pool.labels == SIX
    assert (pool.probs(table.posteriors)[:, 6] == 0).all()


def test_one_label_alone_is_refused():
    table = planted(n=200)
    with pytest.raises(DataError, match="one label alone"):
        fit_pool(table.select(table.labels == 0))


# --- side by side ----------------------------------------------------------------------------


def test_pooled_beats_its_best_witness_out_of_fold(table):
    said = out_of_fold(table, 3, 0)
    figures = {n: classification_figures(table.labels, p) for n, p in said.methods.items()}
    assert figures["pooled"]["accuracy"] > figures["best_single"]["accuracy"] + 0.03
    assert said.best == {"eye": 3}
    assert mcnemar_p(table.labels, said.methods["pooled"], said.methods["best_single"]) < 1e-6
    assert said.subsets["ear"] == pytest.approx(said.methods["ear_calibrated"])


def test_out_of_fold_answers_come_from_pools_that_never_saw_the_group(table):
    fold_of = group_folds(table.groups, 2, 3)
    assert len({(g, f) for g, f in zip(table.groups, fold_of, strict=True)}) == 20
    said = out_of_fold(table, 2, 3)
    one = answers(Pools.fit(table.select(fold_of != 1)), table.select(fold_of == 1))
    assert said.methods["pooled"][fold_of == 1] == pytest.approx(one.methods["pooled"])


def test_too_few_groups_are_refused(table):
    with pytest.raises(DataError, match="20 groups"):
        out_of_fold(table, 21, 0)


@pytest.mark.slow
def test_what_is_usual_for_a_person_is_learnt_and_taken_off():
    """Every person leans to one answer of their own, whatever the label."""
    table = planted(n=2000, groups=60)
    rng = np.random.default_rng(5)
    lean = 3 * rng.normal(size=(60, 7))[[int(g[1:]) for g in table.groups]]
    posteriors = {
        n: Posteriors(softmax(np.log(w.probs) + lean), w.quality)
        for n, w in table.posteriors.items()
    }
    leaning = PosteriorTable(
        "leaning", table.items, table.labels, table.groups, posteriors, table.seconds
    )
    said = out_of_fold(leaning, 2, 0)
    right = {n: (p.argmax(1) == leaning.labels).mean() for n, p in said.methods.items()}
    assert right["pooled_person"] > right["pooled"] + 0.1


def test_a_person_with_few_items_has_no_usual():
    table = planted(n=90, groups=30)
    extended = with_speaker_means(table).posteriors["ear"]
    assert np.isnan(extended.extras["usual joy"]).all()
    assert out_of_fold(table, 3, 0).methods.keys() & {"pooled_person"} == set()


# --- the tables ------------------------------------------------------------------------------

HEADER = "mode,fileName,A,D,F,H,N,S,numResponses,agreement,emoVote,meanEmoResp\n"
CODES = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")


def write_votes(path: Path, actors=24, clips=24, seed=0):
    """Ten people vote on each clip; about half of the voice votes are right, of the face's more."""
    rng = np.random.default_rng(seed)
    lines = []
    for actor in range(actors):
        for clip in range(clips):
            label = clip % 6
            name = f"{2000 + actor}_IEO_{CODES[label]}_XX"
            for mode, right in (("voice", 0.45), ("face", 0.65), ("multimodal", 0.75)):
                # A clip is played well or badly, so that the votes on it agree.
                played = rng.dirichlet(1.5 * ((1 - right) / 5 + (right - 0.07) * np.eye(6)[label]))
                votes = rng.multinomial(10, played)
                counts = ",".join(map(str, votes))
                lines.append(f"{mode},{name}{clip},{counts},10,0.5,A,{50 + 3 * votes.max()}\n")
    path.write_text(HEADER + "".join(lines))


def test_votes_by_hand(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text(
        HEADER + "voice,1001_IEO_NEU_XX,0,0,0,1,3,0,4,0.75,N,71.5\n"
        "multimodal,1001_IEO_NEU_XX,0,0,0,0,4,0,4,1,N,60\n"
    )
    table = load_votes(path)
    assert (table.items, table.groups.tolist()) == (("1001_IEO_NEU_XX",), ["1001"])
    assert MIEN7.labels[table.labels[0]] == "neutral"
    # One vote more for each of the six: 1, 1, 1, 2, 4, 1 of 10; nobody could vote surprise.
    assert table.posteriors["voice"].probs[0] == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.4, 0.1, 0])
    assert table.posteriors["voice"].extras["intensity"][0] == pytest.approx(0.715)
    assert not table.posteriors["face"].present.any()


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("voice,1001_IEO_NEU_XX,x,0,0,1,3,0,4,0.75,N,71\n", "row 2"),
        ("voice,1001_IEO_NEU_XX,0,0,0,0,0,0,4,0.75,N,71\n", "at least one vote"),
        ("voice,1001-NEU,0,0,0,0,1,0,4,0.75,N,71\n", "ACTOR_SENTENCE_EMOTION_LEVEL"),
        ("smell,1001_IEO_NEU_XX,0,0,0,0,1,0,4,0.75,N,71\n", "no row of the modes"),
    ],
)
def test_bad_votes_say_where(tmp_path, line, part):
    (tmp_path / "votes.csv").write_text(HEADER + line)
    with pytest.raises(DataError, match=part):
        load_votes(tmp_path / "votes.csv")


def test_posteriors_come_back_as_they_were_written(tmp_path, table):
    few = table.select(np.arange(40))
    save_posteriors(few, tmp_path / "posteriors.csv")
    again = load_table(tmp_path / "posteriors.csv")
    order = [again.items.index(item) for item in few.items if item in again.items]
    assert again.labels[order].tolist() == [
        label for item, label in zip(few.items, few.labels, strict=True) if item in again.items
    ]
    for name, posteriors in few.posteriors.items():
        seen = again.posteriors[name].probs[order]
        kept = [i for i, item in enumerate(few.items) if item in again.items]
        assert seen == pytest.approx(posteriors.probs[kept], abs=1e-5, nan_ok=True)


def test_posteriors_that_contradict_themselves_are_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text(
        "item,branch,label," + ",".join(MIEN7.labels) + "\n"
        "a,text,joy,0,0,0,1,0,0,0\na,voice,anger,1,0,0,0,0,0,0\n"
    )
    with pytest.raises(DataError, match="'a' has the label"):
        load_posteriors(path)


def test_fit_options_choose_the_features():
    options = FitOptions(shares=False, extras=())
    pool = fit_pool(planted(n=600), options)
    assert pool.subsets[("ear",)]["ear"].shape == (7, 8)


# --- the commands ----------------------------------------------------------------------------


def run(*words):
    from typer.testing import CliRunner

    from mien.cli import app

    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "160"})


def test_train_and_evaluate_on_votes(tmp_path):
    write_votes(tmp_path / "votes.csv")
    write_votes(tmp_path / "other.csv", seed=1)
    pack, out = tmp_path / "pack", tmp_path / "out.json"
    trained = run("train", "fusion", "--data", tmp_path / "votes.csv", "--out", pack, "--folds", 3)
    assert trained.exit_code == 0, trained.output
    card = (pack / "README.md").read_text()
    for word in ("ODbL", "Provenance", "seed 0", "pooled", "never predicts surprise"):
        assert word in card
    judged = run(
        "evaluate", "fusion", "--data", tmp_path / "other.csv", "--pack", pack, "--json", out
    )
    assert judged.exit_code == 0, judged.output
    value = json.loads(out.read_text())
    methods = {
        "majority", "voice", "voice_calibrated", "face", "face_calibrated", "best_single",
        "mean", "product", "length", "pooled",
    }  # fmt: skip
    for name in methods:
        assert {"accuracy", "uar", "macro_f1", "nll", "ece", "mcnemar_p"} <= set(value[name])
        low, high = value[name]["interval"]["accuracy"]
        assert low <= value[name]["accuracy"] <= high
        assert name in judged.output
    assert set(value["subsets"]) == {"voice", "face", "face+voice"}
    assert value["subsets"]["face"]["accuracy"] == value["face_calibrated"]["accuracy"]
    assert value["pooled"]["accuracy"] > value["best_single"]["accuracy"]
    assert value["about"]["pack"]["name"] == "mien-fusion"


def test_evaluate_without_a_pack_is_out_of_fold(tmp_path):
    write_votes(tmp_path / "votes.csv")
    out = tmp_path / "out.json"
    judged = run(
        "evaluate", "fusion", "--data", tmp_path / "votes.csv", "--folds", 3, "--json", out
    )
    assert judged.exit_code == 0, judged.output
    assert json.loads(out.read_text())["about"]["folds"] == 3


def test_training_the_fusion_needs_neither_torch_nor_scipy():
    import subprocess
    import sys

    code = (
        "import mien.train.fusion.run, sys; print({'torch', 'scipy', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.slow
@pytest.mark.data
def test_the_bar_on_crema(shared):
    """What people said of CREMA-D, 10-fold by actor; those who saw and heard both reach 0.742."""
    table = load_votes(shared / "crema_ratings" / "votes.csv")
    said = out_of_fold(table, 10, 0)
    pooled = classification_figures(table.labels, said.methods["pooled"])
    assert pooled["accuracy"] >= 0.77
    assert pooled["ece"] <= 0.02
    assert mcnemar_p(table.labels, said.methods["pooled"], said.methods["best_single"]) < 0.001
    for name in ("voice", "face"):
        alone = (said.subsets[name].argmax(axis=1) == table.labels).mean()
        own = (said.methods[f"{name}_calibrated"].argmax(axis=1) == table.labels).mean()
        assert alone >= own - 0.005


def test_a_modality_that_is_never_there_does_not_spoil_the_fit():
    table = planted(n=400)
    gone = Posteriors(np.full((400, 7), np.nan), np.zeros(400))
    more = replace(table, posteriors={**table.posteriors, "nose": gone})
    assert set(fit_pool(more).readers) == {"ear", "eye"}
    said = out_of_fold(more, 2, 0)
    assert said.subsets["ear+eye+nose"] == pytest.approx(said.subsets["ear+eye"])
    with pytest.raises(DataError, match="no modality is present in two groups"):
        fit_pool(replace(table, posteriors={"nose": gone}))


@pytest.mark.parametrize("noise", [0.0, 1e-12])
def test_a_modality_that_says_the_same_of_everything_adds_nothing(noise):
    table = planted(n=400)
    rng = np.random.default_rng(1)
    rows = np.full((400, 7), 1 / 7) + noise * rng.normal(size=(400, 7))
    constant = Posteriors(rows / rows.sum(axis=1, keepdims=True), np.ones(400))
    more = replace(table, posteriors={**table.posteriors, "wall": constant})
    pool = Pool.from_dict(json.loads(json.dumps(fit_pool(more).to_dict())))
    other = np.array([[0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]])
    said = pool.probs({**{k: v.select([0]) for k, v in table.posteriors.items()},
                       "wall": Posteriors(other, np.ones(1))})  # fmt: skip
    assert np.isfinite(said).all()


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_fit_to_posteriors_does_not_depend_on_how_they_were_written(tmp_path, suffix):
    """By the commands: what evaluate writes, train reads, as CSV and as Parquet."""
    (tmp_path / "texts.csv").write_text(
        "text,label,group\n"
        + "".join(f"I am so {word}.,{label},g{i % 4}\n" for i in range(8)
                  for word, label in (("happy", "joy"), ("sad", "sadness"), ("angry", "anger")))
    )  # fmt: skip
    file = tmp_path / f"p{suffix}"
    judged = run("evaluate", "text", "--data", tmp_path / "texts.csv", "--posteriors", file)
    assert judged.exit_code == 0, judged.output
    table = load_posteriors(file)
    assert len(table) == 24
    assert table.posteriors["text"].probs.argmax(axis=1).tolist() == table.labels.tolist()
    assert sorted(set(table.groups)) == ["g0", "g1", "g2", "g3"]
    assert len(table.packs["text"]) == 64
    trained = run("train", "fusion", "--data", file, "--out", tmp_path / "pack", "--folds", 2)
    assert trained.exit_code == 0, trained.output
    assert "(24 rows)" in trained.output


def test_parquet_without_its_package_names_the_extra(tmp_path, monkeypatch):
    import sys

    from mien.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingExtraError, match=r"mien\[export\]"):
        save_posteriors(planted(n=20), tmp_path / "p.parquet")
