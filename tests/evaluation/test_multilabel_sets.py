"""Recall of sets and the share of missed labels over repeated runs."""

from dataclasses import replace

import numpy as np
import pytest

from handful.core.recipe import Part
from handful.core.result import Result, Run
from handful.evaluation.multilabel_sets import missed_labels, set_recall
from handful.recipes.calibration import with_calibration
from handful.recipes.load import load_recipe

RECIPE = load_recipe("logistic-pixels")
TARGETS = np.array([[1, 1], [1, 0], [0, 1], [np.nan, 1], [0, 0]], dtype=np.float32)
SETS = np.array([[1, 1], [0, 0], [1, 1], [1, 0], [0, 1]], dtype=bool)


def _run(draw: int, sets: np.ndarray | None = None, probabilities: np.ndarray | None = None) -> Run:
    rows = np.full((5, 2), 0.5, np.float32) if probabilities is None else probabilities
    run = Run(draw, None, draw, (f"t{draw}",), tuple("abcde"), np.full(5, -1), rows, 1.0, sets=sets)
    return replace(run, targets=TARGETS, thresholds=np.array([0.4, 0.4]))


def test_recall_counts_the_images_known_to_show_a_class() -> None:
    recipe = with_calibration(RECIPE, coverage=0.8)
    row = set_recall(Result(recipe, ("cat", "dog"), (_run(0, SETS), _run(1, np.ones_like(SETS)))))
    assert row is not None
    assert row.worst == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert (row.worst_draw, row.promised) == (0, 0.8)
    assert row.mean == pytest.approx((row.worst + 1) / 2)
    assert row.classes == pytest.approx((6 / 5 + 2) / 2)


def test_without_sets_or_a_risk_nothing_is_promised() -> None:
    result = Result(replace(RECIPE, posthoc=(Part("thresholds"),)), ("cat", "dog"), (_run(0), _run(1)))
    assert set_recall(result) is None
    assert missed_labels(result) is None


def test_the_share_of_missed_labels_is_a_mean_over_the_images_with_a_label() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.9], [0.1, 0.1], [0.9, 0.9], [0.1, 0.1]], dtype=np.float32)
    recipe = with_calibration(RECIPE, missed=0.2)
    row = missed_labels(Result(recipe, ("cat", "dog"), (_run(0, probabilities=probabilities), _run(1))))
    assert row is not None
    assert row.worst == pytest.approx((0.5 + 0 + 1 + 0) / 4)
    assert (row.worst_draw, row.promised) == (0, 0.2)
