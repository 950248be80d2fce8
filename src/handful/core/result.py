"""Raw predictions of training runs: `Run`, and `Result`, the runs of one recipe."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from handful.core.recipe import Recipe


@dataclass(frozen=True, eq=False)
class Run:
    """One training run's raw predictions; every metric is computed from these later.

    Attributes:
        draw: number of the draw.
        fold: number of the fold, or None.
        seed: of the training.
        train_ids: ids of the labelled training images.
        ids: ids of the scored images.
        labels: their classes.
        probabilities: predicted for them.
        seconds: of the training.
        per_class: labelled images per class that were asked for; None: all.
        counts: training images of each class.
        sets: conformal sets, where the recipe asks for them.
        rejected: which images were too unlike the training images, likewise.
        targets: of images with several labels, 1, 0 or NaN for each class; `labels` is then -1. None: one label each.
        thresholds: from which probability on such a model says that an image shows a class; None: 0.5.
        numbers: of images with numbers, their values or NaN; `probabilities` are then the predicted values, and
            `labels` are -1. None: classes.
        medians: of the training images' numbers, which the control predicts for every image; None: classes.
        pool: labelled images of each class that the training images were drawn from; None: unknown.
        name_weight: of the class names as a prior, see posthoc/zero_shot_prior; None: the recipe has none.
    """

    draw: int
    fold: int | None
    seed: int
    train_ids: tuple[str, ...]
    ids: tuple[str, ...]
    labels: Int[np.ndarray, " n"]
    probabilities: Float[np.ndarray, "n k"]
    seconds: float
    per_class: int | None = None
    counts: Int[np.ndarray, " k"] | None = None
    sets: Bool[np.ndarray, "n k"] | None = None
    rejected: Bool[np.ndarray, " n"] | None = None
    pool: Int[np.ndarray, " k"] | None = None
    targets: Float32[np.ndarray, "n k"] | None = None
    thresholds: Float[np.ndarray, " k"] | None = None
    name_weight: float | None = None
    numbers: Float32[np.ndarray, "n k"] | None = None
    medians: Float[np.ndarray, " k"] | None = None

    @property
    def predictions(self) -> Int[np.ndarray, " n"]:
        """Most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1))


@dataclass(frozen=True, eq=False)
class Result:
    """The runs of one recipe under one protocol.

    Attributes:
        recipe: what was trained.
        classes: class names in sorted order.
        runs: the runs.
        levels: of each level of a class tree, coarsest first, the group that each class lies in; (): no tree.

    Example:
        >>> from handful import Protocol, evaluate, load_data, load_recipe
        >>> digits = load_data("digits").select(range(100))
        >>> protocol = Protocol(draws=(0,), per_class=5)
        >>> result = evaluate(load_recipe("logistic-pixels"), digits, protocol=protocol, progress=False)
        >>> result.runs[0].probabilities.shape
        (50, 10)
    """

    recipe: Recipe
    classes: tuple[str, ...]
    runs: tuple[Run, ...]
    levels: tuple[tuple[str, ...], ...] = ()
