"""Scikit-learn estimator `HandfulClassifier`, which trains recipes on arrays."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jaxtyping import Float
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from handful.automl.budget import SECONDS, Budget
from handful.automl.candidates import choose_candidates
from handful.automl.cv_results import cv_results
from handful.automl.score import NOTHING, cross_validated_score
from handful.automl.select import select
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.arrays import from_arrays
from handful.data.estimator_input import read_indicator, read_targets
from handful.data.votes import read_weights
from handful.image_estimator import AUTO, ImageEstimator
from handful.models.classifier import Classifier
from handful.models.device import select_device
from handful.recipes.kinds import unfit_reason
from handful.recipes.load import load_recipe
from handful.recipes.overrides import refuse_text
from handful.training.train import train

MULTILABEL = "logistic"  # what "auto" is for several labels per image


class HandfulClassifier(ClassifierMixin, ImageEstimator):  # type: ignore[misc]
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
        backbone: instead of the recipe's own, as for `load_recipe`, e.g. "resnet18.a1_in1k"; with "auto", of all
            recipes that are tried.
        overrides: as `--set` of the command line, e.g. ("steps=300",).
        random_state: an int is the training seed; otherwise as in scikit-learn.
        device: "auto", "cpu", "cuda", "mps".
        verbose: show progress on standard error; None: where somebody sees it, in a terminal or a notebook.
        bit_depth: number of bits of integer images, such as 12; None: found over the images of `fit`.
        window: the values of images that become black and white, e.g. of signed integers, or of floats outside [0, 1].
        multilabel: `y` is an indicator matrix [n k] of several labels per image; None: where some row is not one-hot.

    Attributes:
        classes_: the labels seen in `fit`, sorted; of an indicator matrix its columns.
        classifier_: the trained `Classifier`.
        recipe_: name of the recipe that trained it.
        n_features_in_: numbers per image in `fit` (of the first image, if their sizes differ).
        cv_results_: with "auto": the recipes that were cross-validated, as in `GridSearchCV`, for `pandas.DataFrame`
            (`handful.automl.cv_results`); empty where a class has too few images to hold some out.
        best_index_: with "auto": the row of `cv_results_` that was selected.
        honest_score_: with "auto": the accuracy to expect on new images with its 95 % interval, a
            `handful.automl.result.HonestScore`. It is lower than that of `cv_results_`, which is too high for having
            been the highest of several. Images of one `group` are held out together; copies are not looked for, as
            `handful.run` does.

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
        backbone: str | None = None,
        overrides: Sequence[str] = (),
        random_state: Any = None,
        device: str = "auto",
        verbose: bool | None = None,
        bit_depth: int | None = None,
        window: tuple[float, float] | None = None,
        multilabel: bool | None = None,
    ) -> None:
        super().__init__(
            recipe,
            backbone=backbone,
            overrides=overrides,
            random_state=random_state,
            device=device,
            verbose=verbose,
            bit_depth=bit_depth,
            window=window,
        )
        self.multilabel = multilabel

    def fit(
        self, X: Any, y: Any, masks: Any = None, groups: Any = None, sample_weight: Any = None
    ) -> "HandfulClassifier":
        """Train on images and labels.

        Args:
            X: n images, as described for the class.
            y: n labels, or one-hot rows [n k], as `handful.data.labels.label_texts` reads them; bytes are decoded. None
                or NaN: unlabelled; so is -1 where all labels are whole numbers from 0. Or an indicator matrix [n k] of
                several labels per image: 1 where a class is present, 0 where it is not, NaN where that is unknown.
            masks: [n h w] at the images' own size, non-zero is foreground; or a sequence in which None means none.
            groups: n values; images of one group are never split where the recipe holds some out.
            sample_weight: n numbers of 0 or more, the factor of each image's loss in training; an image of weight 0 is
                left out. Scores of `recipe="auto"` count each image once.

        All of them are read by position, whatever the index of a column of pandas.

        Raises:
            ValueError: `X`, `y` or `sample_weight` are invalid, as scikit-learn defines it.
            HandfulError: as `train`, such as a recipe that cannot weigh images; labels of `y` that are not one class an
                image; or a negative weight.
        """
        refuse_text(self.overrides)
        recipe = None if self.recipe == AUTO else self._recipe()
        if y is None:
            raise ValueError("HandfulClassifier requires y to be passed, but the target y is None")
        indicator = read_indicator(y, self.multilabel)
        if indicator is not None:
            return self._fit_multilabel(X, *indicator, masks=masks, groups=groups, sample_weight=sample_weight)
        values, names = read_targets(y)
        labelled = np.array([name is not None for name in names], dtype=bool)
        X = self._validate(X, labelled)
        weights = read_weights(sample_weight, len(names))
        if weights is not None:
            labelled &= weights > 0
            names = [name if weight > 0 else None for name, weight in zip(names, weights, strict=True)]
        check_classification_targets(values[labelled])
        self.classes_, first = np.unique(values[labelled], return_index=True)
        if len(self.classes_) < 2:
            raise ValueError(f"a classifier needs two classes, and y has only one class: {self.classes_.tolist()}")
        class_texts = [names[i] for i in np.flatnonzero(labelled)[first]]
        data = from_arrays(
            self._images(X),
            names,
            masks=masks,
            groups=groups,
            classes=[str(name) for name in class_texts],
            bit_depth=self.bit_depth,
            window=self.window,
        )
        return self._train(recipe, self._weighted(data, weights), class_texts)

    def _fit_multilabel(
        self,
        X: Any,
        targets: Float[np.ndarray, "n k"],
        names: list[str],
        columns: npt.NDArray[Any],
        *,
        masks: Any,
        groups: Any,
        sample_weight: Any,
    ) -> "HandfulClassifier":
        """Train on an indicator matrix; no recipe is selected, and "auto" is logistic regression."""
        X = self._validate(X, ~np.isnan(targets).all(axis=1))
        weights = read_weights(sample_weight, len(targets))
        data = from_arrays(
            self._images(X),
            targets=targets,
            masks=masks,
            groups=groups,
            classes=names,
            bit_depth=self.bit_depth,
            window=self.window,
        )
        self.classes_ = columns
        if self.recipe == AUTO:
            name = MULTILABEL if self._rows is None else f"{MULTILABEL}-pixels"
            recipe = load_recipe(name, backbone=self.backbone, overrides=tuple(self.overrides))
        else:
            recipe = self._recipe()
        return self._train(recipe, self._weighted(data, weights), names)

    def _train(self, recipe: Recipe | None, data: Dataset, class_texts: Sequence[str | None]) -> "HandfulClassifier":
        seed = self._seed()
        for name in ("cv_results_", "best_index_", "honest_score_"):
            self.__dict__.pop(name, None)  # of an earlier fit
        if recipe is None:
            recipe = self._select(data, seed=seed)
        self.recipe_ = recipe.name
        self.classifier_: Classifier = train(
            recipe, data, seed=seed, device=select_device(self.device), progress=self._shows_progress()
        )
        # The classifier's classes are sorted as text, scikit-learn's as values.
        self._order = np.array([self.classifier_.classes.index(str(name)) for name in class_texts])
        return self

    def predict_proba(self, X: Any) -> Float[np.ndarray, "n k"]:
        """Probability of each of `classes_` for each image; rows sum to 1, but of several labels each is by itself."""
        check_is_fitted(self, "classifier_")
        X = self._validate(X, None)
        return np.asarray(self.classifier_.probabilities(self._unlabelled(X))[:, self._order])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The most probable of `classes_` for each image; of several labels per image the indicator matrix [n k]."""
        probabilities = self.predict_proba(X)
        thresholds = self.classifier_.thresholds
        if thresholds is not None:
            return np.asarray(probabilities >= thresholds[self._order], dtype=np.int64)
        best = probabilities.argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _select(self, data: Dataset, *, seed: int) -> Recipe:
        """The best of the candidates that are fitted, not trained."""
        candidates = choose_candidates(
            data,
            overrides=tuple(self.overrides),
            photographs=self._rows is None,
            backbones=() if self.backbone is None else (self.backbone,),
        )
        fitted = [c for c in candidates if not c.trained and unfit_reason(c.recipe, data) is None]
        selection = select(
            fitted,
            data,
            Budget(SECONDS),
            seed=seed,
            repeats=1,
            device=select_device(self.device),
            progress=self._shows_progress(),
        )
        self.cv_results_ = cv_results(selection)
        self.honest_score_ = NOTHING
        if selection.result is not None and selection.score is not None:
            self.best_index_ = selection.score.best
            self.honest_score_ = cross_validated_score(selection.result, selection.score, tried=len(selection.tried))
        return selection.candidate.recipe

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
