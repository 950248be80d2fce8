"""Unlabelled images unlike the labelled ones: said once, with how many, and of few or similar ones nothing."""

import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.automl.fit import fit_to
from handful.core.dataset import Dataset, Sample
from handful.errors import HandfulWarning
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.recipes.load import load_recipe
from handful.training import foreign_images
from handful.training.foreign_images import chance_of_larger, warn_of_foreign_images
from tests.support.datasets import squares

SPREADING = load_recipe("label-propagation", overrides=('backbone={name="pixels"}', "image_size=[12,12]"))


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Mean colors are the features; the numbers of images that are looked at."""
    numbers: list[int] = []

    def means(images: Iterator[np.ndarray], *, device: str) -> Iterator[np.ndarray]:
        rows = np.stack([image.astype(np.float64).reshape(3, -1).mean(axis=1) for image in images])
        numbers.append(len(rows))
        yield rows

    monkeypatch.setattr(foreign_images, "features", means)
    return numbers


def foreign(n: int) -> Dataset:
    """Grey noise, which is no colored square."""
    rng = np.random.default_rng(1)
    grey = (np.repeat(rng.integers(90, 160, (1, 12, 12), dtype=np.uint8), 3, axis=0) for _ in range(n))
    samples = tuple(Sample(f"unlabelled/{i}.png", image) for i, image in enumerate(grey))
    return Dataset(samples, squares(1).classes)


def test_foreign_images_are_counted() -> None:
    with pytest.warns(HandfulWarning, match=r"of 40 that were looked at, 40 are further .* than 95 % of them"):
        warn_of_foreign_images(squares(10), foreign(40))


@pytest.mark.parametrize(
    ("labelled", "unlabelled", "numbers"),
    [
        (squares(10), squares(10, seed=1).without_labels(), [30, 30]),
        (squares(2), squares(10, seed=1).without_labels(), []),
        (squares(2), foreign(40), []),
        (squares(10), foreign(5), []),
    ],
    ids=["of one kind", "few of one kind", "few labelled", "few foreign"],
)
def test_of_images_of_one_kind_and_of_few_nothing_is_said(
    labelled: Dataset, unlabelled: Dataset, numbers: list[int], looked: list[int]
) -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        warn_of_foreign_images(labelled, unlabelled)
    assert [str(warning.message) for warning in said] == []
    assert looked == numbers


def test_the_chance_is_a_lower_bound_that_rises_with_the_number_of_images() -> None:
    rng = np.random.default_rng(0)
    few, many = ((rng.normal(0.5, 1, n), rng.normal(0, 1, n)) for n in (20, 2000))
    assert chance_of_larger(*few) < chance_of_larger(*many) < 0.638  # the chance is 0.638
    assert chance_of_larger(*many) > 0.6
    assert chance_of_larger(many[0], many[0]) < 0.5


def test_evaluate_says_it_once_and_only_of_recipes_that_use_them() -> None:
    data = squares(24)
    both = replace(data, samples=(*data.samples, *foreign(40).samples))
    protocol = Protocol((0, 1), folds=2, unlabelled="given")
    with pytest.warns(HandfulWarning, match="look unlike the labelled ones") as said:
        evaluate(SPREADING, both, protocol=protocol, progress=False)
    assert len([w for w in said if "look unlike" in str(w.message)]) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error", HandfulWarning)
        evaluate(load_recipe("logistic-pixels"), data, protocol=replace(protocol, unlabelled="none"), progress=False)


def test_fit_says_it(tmp_path: Path) -> None:
    data = squares(12)
    both = replace(data, samples=(*data.samples, *foreign(40).samples))
    with pytest.warns(HandfulWarning, match="look unlike the labelled ones"):
        fit_to(tmp_path / "model", SPREADING, both, device="cpu", progress=False)
