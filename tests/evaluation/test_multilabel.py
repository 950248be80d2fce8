"""Scores of images with several labels, and evaluations that give them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from handful.core.recipe import Part
from handful.core.result import Result, Run
from handful.errors import ProtocolError, RecipeError
from handful.evaluation.evaluate import evaluate
from handful.evaluation.multilabel import class_scores, summarise_multilabel
from handful.evaluation.multilabel_metrics import average_precision, is_multilabel, run_scores
from handful.evaluation.protocol import Protocol
from handful.evaluation.results_log import read_results
from handful.evaluation.statistics import summarise
from handful.recipes.load import load_recipe
from tests.support.datasets import several_squares

RECIPE = load_recipe("logistic-pixels", overrides=("image_size=[12,12]",))


def made(n: int = 60, k: int = 4, *, unknown: float = 0.0, seed: int = 0, draw: int = 0) -> Run:
    rng = np.random.default_rng(seed)
    targets = (rng.random((n, k)) < (0.1, 0.3, 0.5, 0.7)[:k]).astype(np.float32)
    probabilities = np.clip(0.4 * targets + 0.6 * rng.random((n, k)), 0, 1).astype(np.float32)
    targets[rng.random((n, k)) < unknown] = np.nan
    ids = tuple(f"{i:03d}" for i in range(n))
    run = Run(draw, None, draw, (f"t{draw}",), ids, np.full(n, -1), probabilities, 1.0)
    return replace(run, targets=targets, thresholds=np.full(k, 0.5))


def result(*runs: Run) -> Result:
    return Result(RECIPE, ("a", "b", "c", "d"), runs)


def test_average_precision_is_scikit_learns_with_equal_scores_too() -> None:
    rng = np.random.default_rng(0)
    for digits in (1, 8):
        for _ in range(20):
            targets, scores = (rng.random(40) < 0.3).astype(float), np.round(rng.random(40), digits)
            targets[0] = 1
            expected = average_precision_score(targets, scores)
            np.testing.assert_allclose(average_precision(targets, scores)[0], expected)


def test_weights_count_an_image_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    targets, scores = (rng.random(30) < 0.4).astype(float), np.round(rng.random(30), 1)
    weights = rng.integers(0, 4, (5, 30)).astype(float)
    for row, value in zip(weights, average_precision(targets, scores, weights), strict=True):
        repeated = np.repeat(np.arange(30), row.astype(int))
        np.testing.assert_allclose(value, average_precision_score(targets[repeated], scores[repeated]))


def test_a_class_that_is_always_or_never_there_has_none() -> None:
    assert np.isnan(average_precision(np.zeros(3), np.arange(3.0))[0])
    assert np.isnan(average_precision(np.ones(3), np.arange(3.0))[0])


def test_all_scores_are_scikit_learns_where_everything_is_known() -> None:
    run = made()
    assert run.targets is not None
    predicted, scores = run.probabilities >= 0.5, run_scores(run)
    targets = run.targets == 1
    np.testing.assert_allclose(scores["mean_average_precision"], average_precision_score(targets, run.probabilities))
    np.testing.assert_allclose(scores["micro_f1"], f1_score(targets, predicted, average="micro"))
    np.testing.assert_allclose(scores["macro_f1"], f1_score(targets, predicted, average="macro"))
    np.testing.assert_allclose(scores["exact_match"], (targets == predicted).all(axis=1).mean())


def test_unknown_entries_are_not_scored() -> None:
    run = made(unknown=0.4)
    assert run.targets is not None
    unknown = np.isnan(run.targets)
    other = replace(run, probabilities=np.where(unknown, 1 - run.probabilities, run.probabilities))
    assert run_scores(run) == run_scores(other)
    values = []
    for c in range(4):
        known = ~unknown[:, c]
        values.append(average_precision_score(run.targets[known, c], run.probabilities[known, c]))
    np.testing.assert_allclose(run_scores(run)["mean_average_precision"], np.mean(values))


def test_a_summary_has_the_mean_both_intervals_and_the_worst_draw() -> None:
    runs = [made(seed=seed, draw=seed) for seed in range(4)]
    summary = summarise_multilabel(result(*runs))
    values = [run_scores(run)["mean_average_precision"] for run in runs]
    assert summary.mean == pytest.approx(np.mean(values))
    assert summary.worst == min(values)
    assert summary.worst_draw == int(np.argmin(values))
    assert summary.low < summary.mean < summary.high
    assert summary.image_low < summary.mean < summary.image_high
    assert summary == summarise_multilabel(result(*runs)), "the bootstrap is seeded"
    assert np.isnan(summarise_multilabel(result(*runs), "macro_f1").image_low)


def test_recall_and_precision_of_each_class() -> None:
    run = made()
    assert run.targets is not None
    for c, row in enumerate(class_scores(result(run))):
        true, said = run.targets[:, c] == 1, run.probabilities[:, c] >= 0.5
        assert row.present == true.sum()
        np.testing.assert_allclose(row.recall, (true & said).sum() / true.sum())
        np.testing.assert_allclose(row.precision, (true & said).sum() / said.sum())
        assert row.recall_low <= row.recall <= row.recall_high
        assert row.precision_low <= row.precision <= row.precision_high


def test_scores_of_one_label_refuse_several_and_the_other_way_round() -> None:
    with pytest.raises(ProtocolError, match="summarise_multilabel"):
        summarise(result(made()))
    plain = replace(made(), targets=None)
    with pytest.raises(ProtocolError, match="not of images with several labels"):
        summarise_multilabel(result(plain))


def test_an_evaluation_is_logged_and_read_again(tmp_path: Path) -> None:
    data, log = several_squares(40), tmp_path / "log.jsonl"
    recipe = replace(RECIPE, posthoc=(Part("thresholds", {"folds": 2}),))
    protocol = Protocol((0, 1), per_class=6)
    first = evaluate(recipe, data, protocol=protocol, log=log, progress=False, device="cpu")
    assert is_multilabel(first)
    assert summarise_multilabel(first).mean > 0.8
    assert first.runs[0].thresholds is not None
    (again,) = read_results(log)
    for a, b in zip(first.runs, again.runs, strict=True):
        assert a.targets is not None
        np.testing.assert_array_equal(a.targets, b.targets)
        np.testing.assert_array_equal(a.thresholds, b.thresholds)
    assert summarise_multilabel(again) == summarise_multilabel(first)


def test_folds_hold_every_image_out_once() -> None:
    data = several_squares(30, known=0.9)
    found = evaluate(RECIPE, data, protocol=Protocol((0,), folds=3), progress=False, device="cpu")
    assert sorted(i for run in found.runs for i in run.ids) == sorted(data.labelled().ids)
    assert summarise_multilabel(found).n_test == 10


def test_a_recipe_that_does_not_fit_is_refused_before_training() -> None:
    with pytest.raises(RecipeError, match="needs one label per image"):
        evaluate(load_recipe("lda"), several_squares(), protocol=Protocol((0,), per_class=3), progress=False)
