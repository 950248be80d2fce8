from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from handful.automl import advice as advice_module
from handful.automl.advice import Halved, more_images, unlabelled_images
from handful.automl.budget import Budget
from handful.automl.candidate_runner import NotTried
from handful.automl.extras import cheap_advice
from handful.automl.result import ClassScore
from handful.core.dataset import Dataset
from handful.data.load import load_data
from handful.evaluation.evaluate import evaluate
from handful.evaluation.job import run
from handful.evaluation.protocol import Protocol
from handful.recipes.load import load_recipe

RECIPE = load_recipe("logistic-pixels")


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return _first(12)


@pytest.fixture(scope="module")
def runs(digits: Dataset) -> Any:
    return evaluate(RECIPE, digits, protocol=Protocol(draws=(0,), folds=2), device="cpu", progress=False)


def test_the_selected_recipe_is_trained_on_halves_once_for_both_measurements(
    digits: Dataset, runs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    halves, train = [], run

    def counted(job: Any, *arguments: Any, **options: Any) -> Any:
        halves.append((job.recipe.name, len(job.train), len(job.unlabelled)))
        return train(job, *arguments, **options)

    monkeypatch.setattr(advice_module, "run", counted)
    halved = Halved(runs, digits, device="cpu", budget=Budget(600.0))
    more_images(halved)
    unlabelled_images(load_recipe("logistic-hog"), halved)
    names = {name for name, _, _ in halves}
    assert names == {"logistic-pixels", "logistic-hog"}
    assert len(halves) == 4
    assert {(n, u) for name, n, u in halves if name == "logistic-pixels"} == {(30, 0)}
    assert {(n, u) for name, n, u in halves if name == "logistic-hog"} == {(30, 30)}


def test_twice_as_many_images_are_promised_less_than_the_error_that_is_left(digits: Dataset, runs: Any) -> None:
    advice = more_images(Halved(runs, digits, device="cpu", budget=Budget(600.0)))
    assert advice is not None
    assert advice.helps
    right = sum((run.predictions == run.labels).sum() for run in runs.runs) / 120
    assert 0 < advice.gain < 1 - right


def test_that_something_would_not_help_is_said_too(digits: Dataset, runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    halved = Halved(runs, digits, device="cpu", budget=Budget(600.0))
    monkeypatch.setattr(halved, "selected", lambda: 1.0)
    monkeypatch.setattr(halved, "accuracy", lambda *_, **__: 0.9)
    more, unlabelled = more_images(halved), unlabelled_images(RECIPE, halved)
    assert more is not None
    assert unlabelled is not None
    assert not more.helps
    assert not unlabelled.helps
    assert more.what.endswith("with half as many 100)")
    assert unlabelled.what == (
        "images without labels (at half the labels 90 of 100 are right with as many of them, 100 without)"
    )


def test_nothing_is_measured_without_time_or_with_too_few_images(digits: Dataset, runs: Any) -> None:
    assert more_images(Halved(runs, digits, device="cpu", budget=Budget(0.0))) is None
    few = _first(3)
    result = evaluate(RECIPE, few, protocol=Protocol(draws=(0,), folds=3), device="cpu", progress=False)
    halved = Halved(result, few, device="cpu", budget=Budget(600.0))
    assert not halved.possible
    assert more_images(halved) is None


def _first(n: int) -> Dataset:
    """The first n images of each class."""
    data = load_data("digits")
    return data.select(np.concatenate([np.flatnonzero(data.labels == c)[:n] for c in range(10)]))


def test_more_time_is_no_help_where_every_image_is_right() -> None:
    waiting = [NotTried("fine-tuned", "takes about 9 minutes", 700.0)]
    right, wrong = ClassScore("a", 10, 10, 1.0, "", 0.0), ClassScore("b", 10, 10, 0.9, "a", 0.1)
    assert cheap_advice([right, replace(right, name="b")], waiting) == ()
    assert "more time: " in cheap_advice([right, wrong], waiting)[-1].what
