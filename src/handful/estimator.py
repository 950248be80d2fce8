"""Scikit-learn estimator `HandfulClassifier`, which trains recipes on arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, assert_all_finite, check_array, check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d, validate_data

from handful.automl.budget import SECONDS, Budget
from handful.automl.candidates import choose_candidates
from handful.automl.select import select
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.array_like import as_array, as_items
from handful.data.arrays import as_image, from_arrays, image_samples, is_picture
from handful.data.class_names import consistent_names
from handful.data.images import read_image
from handful.data.labels import label_texts
from handful.errors import DataError
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.checks import check
from handful.recipes.load import load_recipe
from handful.training.train import train

AUTO = "auto"


@dataclass(frozen=True)
class _Rows:
    """Conversion of rows of numbers to images: the range seen in `fit` becomes 0..255, a row height x width."""

    low: float
    high: float
    height: int
    width: int

    def images(self, X: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        span = self.high - self.low
        scaled = np.clip((X.astype(np.float64) - self.low) / (span if span > 0 else 1.0), 0.0, 1.0)
        return np.rint(scaled * 255).astype(np.uint8).reshape(len(X), self.height, self.width)


class HandfulClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifier with scikit-learn's interface that trains a recipe on arrays, for `cross_val_score` and pipelines.

    `X` is one of

    - images [n h w] or [n h w c] with 1, 3 or 4 channels, read as `handful.data.arrays.from_arrays` does: uint8
      in 0..255, float in [0, 1], or integers of up to 16 bits, scaled as in `fit`;
    - a list or column of such images, of paths of image files, of files' content (bytes) or of Pillow's images, which
      may be mixed; where they differ in size, the recipe must set `image_size`;
    - rows of numbers [n f]: the least and largest value seen in `fit` become black and white, and a row is taken
      as a square image if f is a square (flattened 8x8 digits), else as an image of one row.

    Args:
        recipe: name of a recipe, path of its TOML file, a `Recipe`, or "auto": the best of those that are fitted within
            seconds, by cross-validation on the images of `fit`; for rows of numbers none that is pretrained.
        overrides: as `--set` of the command line, e.g. ("steps=300",).
        random_state: an int is the training seed; otherwise as in scikit-learn.
        device: "auto", "cpu", "cuda", "mps".
        verbose: show a progress bar with loss and remaining time.
        bit_depth: number of bits of integer images, such as 12; None: found over the images of `fit`.
        window: the values of images that become black and white, e.g. of signed integers, or of floats outside [0, 1].

    Attributes:
        classes_: the labels seen in `fit`, sorted.
        classifier_: the trained `Classifier`.
        recipe_: name of the recipe that trained it.
        n_features_in_: numbers per image in `fit` (of the first image, if their sizes differ).

    Example:
        >>> from handful import HandfulClassifier
        >>> from sklearn.datasets import load_digits
        >>> X, y = load_digits(return_X_y=True)
        >>> classifier = HandfulClassifier(random_state=0, device="cpu").fit(X[:50], y[:50])
        >>> classifier.recipe_, classifier.predict(X[:3]).tolist()
        ('logistic-hog', [0, 1, 2])
    """

    def __init__(
        self,
        recipe: str | Path | Recipe = AUTO,
        *,
        overrides: Sequence[str] = (),
        random_state: Any = None,
        device: str = "auto",
        verbose: bool = False,
        bit_depth: int | None = None,
        window: tuple[float, float] | None = None,
    ) -> None:
        self.recipe = recipe
        self.overrides = overrides
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
        self.bit_depth = bit_depth
        self.window = window

    def fit(self, X: Any, y: Any, masks: Any = None, groups: Any = None) -> "HandfulClassifier":
        """Train on images and labels.

        Args:
            X: n images, as described for the class.
            y: n labels, or one-hot rows [n k], as `handful.data.labels.label_texts` reads them; bytes are decoded. None
                or NaN: unlabelled; so is -1 where all labels are whole numbers from 0.
            masks: [n h w] at the images' own size, non-zero is foreground; or a sequence in which None means none.
            groups: n values; images of one group are never split where the recipe holds some out.

        All of them are read by position, whatever the index of a column of pandas.

        Raises:
            ValueError: `X` or `y` are invalid, as scikit-learn defines it.
            HandfulError: as `train`; or labels of `y` that are not one class an image.
        """
        recipe = None if self.recipe == AUTO else self._recipe()
        if y is None:
            raise ValueError("HandfulClassifier requires y to be passed, but the target y is None")
        values, names = _targets(y)
        labelled = np.array([name is not None for name in names], dtype=bool)
        X = self._validate(X, labelled)
        check_classification_targets(values[labelled])
        self.classes_, first = np.unique(values[labelled], return_index=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes, and y has only one class: {self.classes_.tolist()}")
        class_texts = [names[i] for i in np.flatnonzero(labelled)[first]]
        images = X if self._rows is None else self._rows.images(X)
        data = from_arrays(
            images,
            names,
            masks=masks,
            groups=groups,
            classes=[str(name) for name in class_texts],
            bit_depth=self.bit_depth,
            window=self.window,
        )
        seed = self.random_state
        if not isinstance(seed, int | np.integer):
            seed = check_random_state(seed).randint(2**31 - 1)
        if recipe is None:
            recipe = self._select(data, seed=int(seed))
        self.recipe_ = recipe.name
        self.classifier_: Classifier = train(
            recipe, data, seed=int(seed), device=select_device(self.device), progress=self.verbose
        )
        # The classifier's classes are sorted as text, scikit-learn's as values.
        self._order = np.array([self.classifier_.classes.index(name) for name in class_texts])
        return self

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n k"]:
        """Probability of each of `classes_` for each image; rows sum to 1."""
        check_is_fitted(self, "classifier_")
        X = self._validate(X, None)
        images = X if self._rows is None else self._rows.images(X)
        return np.asarray(self.classifier_.probabilities(_unlabelled(images))[:, self._order])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable of `classes_` for each image."""
        best = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _select(self, data: Dataset, *, seed: int) -> Recipe:
        """The best of the candidates that are fitted, not trained."""
        candidates = choose_candidates(data, overrides=tuple(self.overrides), photographs=self._rows is None)
        fitted = [c for c in candidates if not c.trained]
        selection = select(
            fitted,
            data,
            Budget(SECONDS),
            seed=seed,
            repeats=1,
            device=select_device(self.device),
            progress=self.verbose,
        )
        return selection.candidate.recipe

    def _recipe(self) -> Recipe:
        if isinstance(self.recipe, Recipe):
            if self.overrides:
                raise ValueError("overrides apply to a recipe's name or file, not to a Recipe")
            check(self.recipe)
            return self.recipe
        return load_recipe(self.recipe, overrides=tuple(self.overrides))

    def _validate(self, X: Any, y: Any) -> Any:
        """The input as an array or as a list of images; its form is stored if `y` is given."""
        fitting = y is not None
        images = _image_list(X)
        if images is None:
            images = check_array(X, allow_nd=True, dtype=None)
        if isinstance(images, list) or images.ndim > 2:
            if fitting:
                check_consistent_length(images, y)
                self._rows: _Rows | None = None
                self.n_features_in_ = _pixel_count(images[0])
            elif self._rows is not None:
                raise ValueError(f"fitted on rows of {self.n_features_in_} numbers, and X has images")
            return images
        if fitting:
            rows, _ = validate_data(self, X, y, dtype="numeric")
            f = rows.shape[1]
            side = isqrt(f)
            height, width = (side, side) if side * side == f else (1, f)
            self._rows = _Rows(float(rows.min()), float(rows.max()), height, width)
            return rows
        rows = validate_data(self, X, dtype="numeric", reset=False)
        if self._rows is None:
            raise ValueError(f"fitted on images, and X has rows of {rows.shape[1]} numbers")
        return rows

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.non_deterministic = False
        return tags


def _targets(y: Any) -> tuple[npt.NDArray[Any], list[str | None]]:
    """The labels as scikit-learn knows them [n], and as names of classes; None: unlabelled.

    Raises:
        ValueError: `y` has infinite numbers, or more than one column without being one-hot.
        DataError: as `label_texts`; or two different labels with the same name.
    """
    array = as_array(y, "y")
    if array.dtype.kind == "f":
        assert_all_finite(array, allow_nan=True, input_name="y")
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=True)
    elif array.ndim == 2 and array.dtype.kind == "f" and not np.isin(array, (0, 1)).all():
        column_or_1d(array)  # raises scikit-learn's error
    names = label_texts(array if array.ndim == 1 else y, role="y")
    if array.ndim > 1:
        array = np.array([name if name is None or not name.isdigit() else int(name) for name in names], dtype=object)
    names = consistent_names(names, None, where="y")
    values = array if array.dtype.kind in "biufU" else _by_type(array, names)
    same: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if name is not None and same.setdefault(name, value) != value:
            raise DataError(
                f"the labels {same[name]!r} and {value!r} have the same name {name!r}",
                where="y",
                remedy="write them alike.",
            )
    return values, names


def _by_type(values: npt.NDArray[Any], names: list[str | None]) -> npt.NDArray[Any]:
    """Labels of mixed types, such as a column with gaps, with the type of those that are there; bytes as text."""
    texts = [str(name) if isinstance(v, bytes) else v for v, name in zip(values, names, strict=True)]
    present = [text for text, name in zip(texts, names, strict=True) if name is not None]
    kind = np.asarray(present).dtype
    typed = np.zeros(len(texts), dtype=kind if kind.kind in "biufU" else object)
    typed[[name is not None for name in names]] = present
    return typed


def _image_list(X: Any) -> list[Any] | None:
    """The images of a list or column that is not one array: files, Pillow's images, arrays of different sizes."""
    if not (isinstance(X, list | tuple) or hasattr(X, "to_pylist") or getattr(X, "ndim", 0) in (1, 2)):
        return None
    array = None if isinstance(X, list | tuple) or hasattr(X, "to_pylist") else as_array(X, "X")
    if array is not None:
        if array.ndim == 2 and array.shape[1] == 1 and array.dtype.kind in "OUS":  # a data frame of one column
            array = array[:, 0]
        if array.ndim != 1 or array.dtype.kind not in "OUS":
            return None
    items = as_items(X if array is None else array, "X")
    if any(is_picture(item) for item in items):
        return items
    sizes = {np.shape(as_array(item, "X")) for item in items}
    if all(len(size) >= 2 for size in sizes) and len(sizes) > (0 if array is not None else 1):
        return [check_array(item, allow_nd=True, dtype=None) for item in items]
    return None


def _pixel_count(image: Any) -> int:
    if is_picture(image):
        image = as_image(image, "X[0]")
    return int(np.size(read_image(image) if isinstance(image, Path) else image))


def _unlabelled(images: Any) -> Dataset:
    return Dataset(tuple(image_samples(images)), ())
