import numpy as np
from bench.support.fooling import as_dataset, evolved, gradient_ascent, noise
from bench.support.trust import calibrated

from handful.core.recipe import Part
from handful.recipes.checks import check
from tests.support.classifiers import untrained
from tests.support.datasets import CLASSES

WANTED = np.array([0, 1, 2])


def own(images: np.ndarray) -> np.ndarray:
    rows = untrained("linear").probabilities(as_dataset(images, CLASSES))
    return np.asarray(rows[np.arange(3), WANTED])


def test_the_gradient_makes_images_that_are_named_as_wanted() -> None:
    first, last = (
        own(gradient_ascent(untrained("linear"), WANTED, np.random.default_rng(0), steps=n)) for n in (0, 20)
    )
    assert (last > first).all()


def test_evolution_never_loses() -> None:
    for patterns in (False, True):
        first, last = (
            own(evolved(untrained("linear"), WANTED, np.random.default_rng(0), generations=n, patterns=patterns))
            for n in (0, 15)
        )
        assert (last >= first - 1e-3).all()
        assert (last > first).any()


def test_noise_fills_the_range() -> None:
    images = noise((4, 12, 12), np.random.default_rng(0))
    assert images.shape == (4, 3, 12, 12)
    assert images.min() < 10
    assert images.max() > 245


def test_recipes_of_the_tables_are_sound() -> None:
    part = Part("conformal", {"coverage": 0.9})
    for name in ("logistic", "nearest-centroid", "classification"):
        recipe = calibrated(name, part, called="x", quick=True)
        check(recipe)
        assert recipe.posthoc[-1] == part
