"""What scikit-learn estimators on images share: their parameters, and how `X` is read."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_consistent_length, validate_data

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.arrays import image_samples
from handful.data.estimator_input import ImageForm, Rows, as_images, pixel_count
from handful.recipes.checks import check
from handful.recipes.load import load_recipe, with_backbone

AUTO = "auto"


class ImageEstimator(BaseEstimator):  # type: ignore[misc]
    """Estimator that trains a recipe on images, or on rows of numbers as images."""

    def __init__(
        self,
        recipe: str | Path | Recipe = AUTO,
        *,
        backbone: str | None = None,
        overrides: Sequence[str] = (),
        random_state: Any = None,
        device: str = "auto",
        verbose: bool | None = None,
        bit_depth: int | None = None,
        window: tuple[float, float] | None = None,
    ) -> None:
        self.recipe = recipe
        self.backbone = backbone
        self.overrides = overrides
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
        self.bit_depth = bit_depth
        self.window = window

    def _seed(self) -> int:
        """The training seed."""
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        return int(seed)

    def _images(self, X: Any) -> Any:
        """Images, from validated images or rows."""
        return X if self._rows is None else self._rows.images(X)

    def _unlabelled(self, X: Any) -> Dataset:
        """The data set to predict, from validated images or rows."""
        return Dataset(tuple(image_samples(self._images(X))), ())

    def _weighted(self, data: Dataset, weights: Float64[np.ndarray, " n"] | None) -> Dataset:
        """The images that have a weight above 0, with it; None: all as they are."""
        if weights is None:
            return data
        samples = (replace(s, weight=float(w)) for s, w in zip(data.samples, weights, strict=True) if w > 0)
        return replace(data, samples=tuple(samples))

    def _shows_progress(self) -> bool:
        """Whether progress is shown: as `verbose` says, or where somebody sees it, in the first process alone."""
        if self.verbose is not None:
            return bool(self.verbose)
        return parent_process() is None and (sys.stderr.isatty() or "ipykernel" in sys.modules)

    def _recipe(self) -> Recipe:
        if isinstance(self.recipe, Recipe):
            if self.overrides:
                raise ValueError("overrides apply to a recipe's name or file, not to a Recipe")
            check(self.recipe)
            return self.recipe if self.backbone is None else with_backbone(self.recipe, self.backbone)
        return load_recipe(self.recipe, backbone=self.backbone, overrides=tuple(self.overrides))

    def _validate(self, X: Any, y: Any) -> Any:
        """The input as an array or as a list of images; its form is stored if `y` is given."""
        fitting = y is not None
        if not fitting and self._form is not None:
            self._form.refuse_one_image(X)
        images = as_images(X)
        if isinstance(images, list) or images.ndim > 2:
            if fitting:
                check_consistent_length(images, y)
                self._rows: Rows | None = None
                self._form: ImageForm | None = ImageForm.of(images)
                self.n_features_in_ = pixel_count(images[0])
            elif self._form is None:
                raise ValueError(f"fitted on rows of {self.n_features_in_} numbers, and X has images")
            else:
                self._form.warn_of_difference(images)
            return images
        if fitting:
            rows, _ = validate_data(self, X, y, dtype="numeric")
            self._rows, self._form = Rows.of(rows), None
            return rows
        if self._rows is None:
            raise ValueError(f"fitted on images, and X has rows of {images.shape[1]} numbers")
        rows = validate_data(self, X, dtype="numeric", reset=False)
        self._rows.warn_of_range(rows)
        return rows

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.non_deterministic = False
        return tags
