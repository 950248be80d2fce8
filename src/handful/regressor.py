"""Scikit-learn estimator `HandfulRegressor`, which trains recipes on images with numbers, such as an age or an area."""

from dataclasses import replace
from typing import Any
from warnings import warn

import numpy as np
import numpy.typing as npt
from jaxtyping import Float64
from sklearn.base import RegressorMixin
from sklearn.utils import Tags, assert_all_finite
from sklearn.utils.validation import check_is_fitted

from handful.core.recipe import Recipe
from handful.data.array_like import as_array, is_missing
from handful.data.arrays import from_arrays
from handful.data.votes import read_weights
from handful.errors import HandfulWarning
from handful.image_estimator import AUTO, ImageEstimator
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.load import load_recipe
from handful.recipes.overrides import refuse_text
from handful.training.train import train

RIDGE = "ridge"  # what "auto" is


class HandfulRegressor(RegressorMixin, ImageEstimator):  # type: ignore[misc]
    """Regressor with scikit-learn's interface that trains a recipe on arrays, for `cross_val_score` and pipelines.

    `X` is as for `HandfulClassifier`: images, files, or rows of numbers. `score` is R2.

    Args:
        recipe: name of a recipe for numbers, such as "knn" or "fine-tuned", path of its TOML file, a `Recipe`, or
            "auto": ridge regression, of rows of numbers on the numbers themselves. No recipe is selected.
        backbone: instead of the recipe's own, as for `load_recipe`, e.g. "resnet18.a1_in1k".
        overrides: as `--set` of the command line, e.g. ("steps=300",).
        random_state: an int is the training seed; otherwise as in scikit-learn.
        device: "auto", "cpu", "cuda", "mps".
        verbose: show progress on standard error; None: where somebody sees it, in a terminal or a notebook.
        bit_depth: number of bits of integer images, such as 12; None: found over the images of `fit`.
        window: the values of images that become black and white, e.g. of signed integers, or of floats outside [0, 1].

    Attributes:
        regressor_: the trained model, a `Classifier` of the kind "number".
        recipe_: name of the recipe that trained it.
        n_features_in_: numbers per image in `fit` (of the first image, if their sizes differ).

    Example:
        >>> from handful import HandfulRegressor
        >>> from sklearn.datasets import load_digits
        >>> X, _ = load_digits(return_X_y=True)
        >>> ink = X.sum(axis=1)
        >>> regressor = HandfulRegressor(random_state=0, device="cpu").fit(X[:50], ink[:50])
        >>> regressor.recipe_, regressor.score(X[50:200], ink[50:200]) > 0.8
        ('ridge@pixels', True)
    """

    def fit(
        self, X: Any, y: Any, masks: Any = None, groups: Any = None, sample_weight: Any = None
    ) -> "HandfulRegressor":
        """Train on images and numbers.

        Args:
            X: n images, as described for `HandfulClassifier`.
            y: n numbers, or rows [n k] of several quantities. None or NaN: not known.
            masks: [n h w] at the images' own size, non-zero is foreground; or a sequence in which None means none.
            groups: n values; images of one group are never split where the recipe holds some out.
            sample_weight: n numbers of 0 or more, the factor of each image's loss, for recipes that are trained in
                steps, such as "fine-tuned"; an image of weight 0 is left out.

        All of them are read by position, whatever the index of a column of pandas.

        Raises:
            ValueError: `X`, `y` or `sample_weight` are invalid, as scikit-learn defines it.
            HandfulError: as `train`, such as a recipe that cannot weigh images; the numbers of a quantity are all the
                same; or a negative weight.
        """
        refuse_text(self.overrides)
        if y is None:
            raise ValueError("HandfulRegressor requires y to be passed, but the target y is None")
        numbers = _read_numbers(y)
        unknown = np.asarray(np.isnan(numbers.reshape(len(numbers), -1)).all(axis=1))
        X = self._validate(X, ~unknown)
        weights = read_weights(sample_weight, len(numbers))
        if len(numbers) < 2:
            raise ValueError("a regressor needs two images with different numbers, and X has 1 sample")
        if unknown.any():
            what = f"y: {unknown.sum()} of {len(unknown)} without a number (None or NaN), read as unlabelled"
            warn(what, HandfulWarning, stacklevel=2)
        recipe = self._ridge() if self.recipe == AUTO else self._recipe()
        data = from_arrays(
            self._images(X),
            numbers=numbers,
            masks=masks,
            groups=groups,
            bit_depth=self.bit_depth,
            window=self.window,
        )
        data = self._weighted(replace(data, classes=_names(y) or data.classes), weights)
        self._one_quantity = numbers.ndim == 1
        self.recipe_ = recipe.name
        self.regressor_: Classifier = train(
            recipe, data, seed=self._seed(), device=select_device(self.device), progress=self._shows_progress()
        )
        return self

    def predict(self, X: Any) -> Float64[np.ndarray, " n"] | Float64[np.ndarray, "n k"]:
        """The number of each image; where `y` of `fit` had several columns, a row for each image."""
        check_is_fitted(self, "regressor_")
        X = self._validate(X, None)
        numbers = self.regressor_.predict(self._unlabelled(X)).astype(np.float64)
        return numbers[:, 0] if self._one_quantity else numbers

    def _ridge(self) -> Recipe:
        """Ridge regression: on the features of a pretrained network, or on rows of numbers as they are."""
        if self._rows is None or self.backbone is not None:
            return load_recipe(RIDGE, backbone=self.backbone, overrides=tuple(self.overrides))
        size = f"image_size=[{self._rows.height},{self._rows.width}]"
        plain = (size, "precision=fp32", "head.tukey=1.0")
        return load_recipe(RIDGE, backbone="pixels", overrides=(*plain, *self.overrides))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _read_numbers(y: Any) -> npt.NDArray[np.float64]:
    """Numbers [n], or rows [n k] of several quantities; NaN: not known.

    Raises:
        ValueError: they are text, complex or infinite, there is none, or they have more than two dimensions.
    """
    array = as_array(y, "y")
    if array.dtype == object:  # a column with gaps
        array = np.array([np.nan if is_missing(value) else value for value in array.flat]).reshape(array.shape)
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported: y has complex numbers")
    numbers = array.astype(np.float64)
    if numbers.ndim not in (1, 2):
        raise ValueError(f"y should be numbers [n] or rows [n k] of them, got an array of shape {numbers.shape}")
    if np.isinf(numbers).any():
        assert_all_finite(numbers, allow_nan=True, input_name="y")
    if np.isnan(numbers).all():
        raise ValueError(f"y has no number: all {numbers.size} are None or NaN")
    return numbers


def _names(y: Any) -> tuple[str, ...]:
    """The quantities: the columns of a data frame, or the name of a series; empty: without names."""
    columns = getattr(y, "columns", None)
    if columns is not None:
        return tuple(str(column) for column in columns)
    name = getattr(y, "name", None)
    return () if name is None else (str(name),)
