import numpy as np
import pytest

from handful.core.result import Result, Run
from handful.errors import DataError
from handful.evaluation.intervals import wilson
from handful.evaluation.normal_class import check_normal_class, normal_class_rates
from handful.recipes.load import load_recipe


def scored(classes: tuple[str, ...], labels: list[int], *draws: list[int]) -> Result:
    """Images 0, 1, ... with these labels, predicted in each draw."""
    names = tuple(map(str, range(len(labels))))
    runs = [
        Run(
            draw=number,
            fold=None,
            seed=number,
            train_ids=(),
            ids=names,
            labels=np.array(labels),
            probabilities=np.eye(len(classes), dtype=np.float32)[predicted],
            seconds=0.0,
        )
        for number, predicted in enumerate(draws)
    ]
    return Result(load_recipe("logistic"), classes, tuple(runs))


def test_the_two_rates_are_counted_over_all_other_classes_and_within_the_normal_one() -> None:
    result = scored(("crack", "good", "hole"), [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 0, 1])
    rates = normal_class_rates(result)
    assert rates is not None
    assert (rates.name, rates.recognized) == ("good", True)
    assert (rates.missed.count, rates.missed.images) == (2, 4)
    assert (rates.missed.low, rates.missed.high) == wilson(2, 4)
    assert (rates.false_alarms.count, rates.false_alarms.images, rates.false_alarms.share) == (1, 2, 0.5)


def test_an_image_that_several_repeats_scored_counts_once_and_a_group_counts_once_in_the_interval() -> None:
    result = scored(("bad", "good"), [0, 0, 0, 1], [1, 0, 0, 1], [0, 0, 0, 1])
    rates = normal_class_rates(result, groups={"0": "a", "1": "a"})
    assert rates is not None
    assert (rates.missed.count, rates.missed.images) == (0.5, 3)
    assert (rates.missed.low, rates.missed.high) == wilson(2 * 0.5 / 3, 2)


def test_a_normal_class_can_be_stated_and_denied() -> None:
    result = scored(("bad", "good", "plain"), [0, 1, 2], [2, 1, 2])
    rates = normal_class_rates(result, requested="plain")
    assert rates is not None
    assert (rates.name, rates.recognized, rates.missed.count) == ("plain", False, 1)
    assert normal_class_rates(result, requested="none") is None
    assert normal_class_rates(None) is None


def test_a_normal_class_that_is_no_class_is_refused_with_the_nearest_name() -> None:
    check_normal_class("none", ("bad", "good"))
    with pytest.raises(DataError, match="did you mean 'good'"):
        check_normal_class("goood", ("bad", "good"))
