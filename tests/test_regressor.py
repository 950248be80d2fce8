import inspect
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from handful.errors import DataError, HandfulWarning, RecipeError, TrainingError
from handful.image_estimator import ImageEstimator
from handful.recipes.load import load_recipe
from handful.regressor import HandfulRegressor
from tests.support.datasets import numbered_squares, recipe

SKIPPED = {
    "check_array_api_input": "networks run on torch tensors made here from NumPy; other arrays are converted first",
    "check_methods_subset_invariance": "wants 1e-7; sums in float32 differ by as much between batches of other sizes",
}
SKIPPED |= dict.fromkeys(
    (
        "check_sample_weights_list",
        "check_sample_weights_not_overwritten",
        "check_sample_weight_equivalence_on_dense_data",
    ),
    "ridge regression on numbers does not weigh images, and says so",
)
PIXELS = load_recipe("ridge", backbone="pixels", overrides=("image_size=[12,12]", "head.tukey=1.0"))


@parametrize_with_checks([HandfulRegressor(random_state=0, device="cpu")], expected_failed_checks=lambda _: SKIPPED)
def test_scikit_learns_checks(estimator: HandfulRegressor, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # One check gives the constructor nonsense, which it must store; the types that tests check are not its business.
    monkeypatch.setattr(ImageEstimator, "__init__", inspect.unwrap(ImageEstimator.__init__))
    check(estimator)


def pictures(n: int = 80, *, known: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images [n h w c] of a square, and its side and brightness [n 2]."""
    data = numbered_squares(n, known=known, seed=seed)
    return np.stack([np.asarray(s.image).transpose(1, 2, 0) for s in data.samples]), data.targets()


def tiny(**values: Any) -> HandfulRegressor:
    return HandfulRegressor(PIXELS, random_state=0, device="cpu", **values)


def test_a_number_of_color_images_is_predicted_in_its_unit_and_scored_by_r2() -> None:
    X, Y = pictures()
    test, truth = pictures(100, seed=1)
    regressor = tiny().fit(X, Y[:, 0])
    predicted = regressor.predict(test)
    assert (predicted.shape, predicted.dtype) == ((100,), np.dtype("float64"))
    assert regressor.score(test, truth[:, 0]) == r2_score(truth[:, 0], predicted)
    assert regressor.score(test, truth[:, 0]) > 0.6
    assert regressor.n_features_in_ == 432


def test_several_quantities_are_columns() -> None:
    X, Y = pictures()
    frame = pd.DataFrame(Y, columns=["side", "brightness"], index=range(100, 180))
    regressor = tiny().fit(X, frame)
    assert regressor.regressor_.classes == ("side", "brightness")
    assert regressor.predict(X[:5]).shape == (5, 2)
    np.testing.assert_array_equal(regressor.predict(X), tiny().fit(X, Y).predict(X))
    assert tiny().fit(X, frame["side"]).regressor_.classes == ("side",)


def test_the_other_images_of_a_batch_do_not_matter() -> None:
    X, Y = pictures(40)
    regressor = tiny().fit(X, Y)
    alone = np.concatenate([regressor.predict(X[i : i + 1]) for i in range(10)])
    np.testing.assert_allclose(alone, regressor.predict(X)[:10], rtol=1e-5)


def test_groups_follow_their_images_through_cross_validation() -> None:
    X, Y = pictures()
    scores = cross_val_score(tiny(), X, Y[:, 0], cv=GroupKFold(3), groups=np.arange(80) % 6)
    assert scores.mean() > 0.5


@pytest.mark.parametrize(
    "convert",
    [
        lambda y: pd.Series(y, name="side").astype("Float64"),
        lambda y: [None if np.isnan(value) else float(value) for value in y],
        lambda y: y,
    ],
)
def test_missing_numbers_are_unlabelled(convert: Any) -> None:
    X, Y = pictures()
    y = Y[:, 0].copy()
    y[:3] = np.nan
    with pytest.warns(HandfulWarning, match="y: 3 of 80 without a number"):
        regressor = tiny().fit(X, convert(y))
    assert np.isfinite(regressor.predict(X)).all()
    np.testing.assert_allclose(regressor.predict(X), tiny().fit(X[3:], y[3:]).predict(X), atol=0.5)


def test_the_same_seed_gives_the_same_regressor_also_when_cloned_and_pickled() -> None:
    X, Y = pictures(40)
    first = tiny().fit(X, Y[:, 1])
    np.testing.assert_array_equal(clone(first).fit(X, Y[:, 1]).predict(X), first.predict(X))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(first)).predict(X), first.predict(X))


def test_by_default_rows_of_numbers_have_ridge_regression_on_them() -> None:
    X, _ = load_digits(return_X_y=True)
    ink = X.sum(axis=1)
    regressor = HandfulRegressor(random_state=0, device="cpu").fit(X[:60], ink[:60])
    assert (regressor.recipe_, regressor.regressor_.size) == ("ridge@pixels", (8, 8))
    assert regressor.score(X[100:200], ink[100:200]) > 0.8
    stronger = HandfulRegressor(overrides=("head.penalty=1e6",), random_state=0, device="cpu").fit(X[:60], ink[:60])
    assert np.ptp(stronger.predict(X[:60])) < 0.1 * np.ptp(ink[:60])


def test_by_default_images_have_ridge_regression_on_a_pretrained_network() -> None:
    X, Y = pictures(30)
    regressor = HandfulRegressor(random_state=0, device="cpu").fit(X, Y[:, 0])
    assert regressor.recipe_ == "ridge"
    assert regressor.score(X, Y[:, 0]) > 0.6


def test_what_is_not_a_number_is_refused_before_training() -> None:
    X, Y = pictures(8)
    with pytest.raises(NotFittedError):
        tiny().predict(X)
    with pytest.raises(ValueError, match="could not convert"):
        tiny().fit(X, ["small"] * 8)
    with pytest.raises(ValueError, match="no number"):
        tiny().fit(X, np.full(8, np.nan))
    with pytest.raises(ValueError, match="shape"):
        tiny().fit(X, np.zeros((8, 2, 2)))
    with pytest.raises(ValueError, match="inconsistent numbers"):
        tiny().fit(X, Y[:-1])
    with pytest.raises(DataError, match="all training images have 3"):
        tiny().fit(X, np.full(8, 3.0))
    with pytest.raises(RecipeError, match="needs a class per image"):
        HandfulRegressor("logistic-pixels", device="cpu").fit(X, Y[:, 0])


def test_weights_are_for_recipes_that_are_trained_in_steps() -> None:
    X, Y = pictures(24)
    with pytest.raises(TrainingError, match="head 'ridge' does not weigh samples"):
        tiny().fit(X, Y[:, 0], sample_weight=np.arange(24))
    model = HandfulRegressor(recipe("linear", "steps=40"), random_state=0, device="cpu")
    weighted = clone(model).fit(X, Y[:, 0], sample_weight=1.0 + 9 * (np.arange(24) < 12))
    plain = clone(model).fit(X, Y[:, 0])
    assert not np.allclose(weighted.predict(X), plain.predict(X))
    np.testing.assert_array_equal(
        clone(model).fit(X[12:], Y[12:, 0]).predict(X),
        clone(model).fit(X, Y[:, 0], sample_weight=np.arange(24) >= 12).predict(X),
    )
    with pytest.raises(ValueError, match="sample_weight of shape"):
        tiny().fit(X, Y[:, 0], sample_weight=np.ones(3))
