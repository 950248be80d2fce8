from dataclasses import replace

import numpy as np
import pytest

from handful.core.result import Result, Run
from handful.errors import DataError
from handful.evaluation.groups import group_interval, groups_of, per_group
from handful.evaluation.statistics import summarise
from tests.support.datasets import recipe, squares

IDS = ("a1", "a2", "b1", "b2", "c")
GROUPS = {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
OBJECT = np.array([0.9, 0.2, 0.6, 0.1, 0.3])  # probability of the first class


def result(draws: int = 2) -> Result:
    run = Run(
        draw=0,
        fold=None,
        seed=0,
        train_ids=("t",),
        ids=IDS,
        labels=np.array([0, 0, 1, 1, 1]),
        probabilities=np.stack([OBJECT, 1 - OBJECT], axis=1),
        seconds=1.0,
        counts=np.array([1, 1]),
        sets=np.ones((5, 2), dtype=bool),
    )
    return Result(recipe("linear"), ("x", "y"), tuple(replace(run, draw=i) for i in range(draws)))


def test_the_images_of_a_group_vote_and_an_image_without_a_group_is_one_of_its_own() -> None:
    merged = per_group(result(), GROUPS)
    run = merged.runs[0]
    assert len(run.ids) == 3
    assert run.labels.tolist() == [0, 1, 1]
    assert run.probabilities[:, 0] == pytest.approx([0.55, 0.35, 0.3])
    assert run.sets is None
    assert summarise(result())[0].mean == pytest.approx(3 / 5)
    assert summarise(merged)[0].mean == 1
    assert summarise(merged)[0].n_test == 3


def test_the_interval_is_over_groups_not_images() -> None:
    wrong = {**GROUPS, "c": "d"}
    values = OBJECT.copy()
    values[[2, 3]] = 0.9  # one group, two images, is wrong
    base = result()
    runs = tuple(replace(run, probabilities=np.stack([values, 1 - values], axis=1)) for run in base.runs)
    merged = per_group(replace(base, runs=runs), wrong)
    low, high = group_interval(merged, "accuracy")
    assert (low, high) == (0, 1)  # of three groups
    assert np.isnan(group_interval(merged, "macro_f1")).all()
    low, high = group_interval(merged, "balanced_accuracy")
    assert (low, high) == (0.5, 1)  # the one group of its class is right in each resample


def test_images_without_groups_and_groups_of_several_classes_are_refused() -> None:
    data = squares(2)
    with pytest.raises(DataError, match="no image has a group"):
        groups_of([data])
    one = replace(data, samples=tuple(replace(s, group="one") for s in data.samples))
    with pytest.raises(DataError, match=r"group 'one' has images of several classes: blue and green"):
        groups_of([one, data])
    pairs = replace(data, samples=tuple(replace(s, group=f"{s.label}") for s in data.samples[:5]) + data.samples[5:])
    assert len(groups_of([pairs])) == 5
