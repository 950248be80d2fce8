"""Build context of recipe parts: the task, the recipe, and functions that train or load further classifiers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from handful.core.dataset import Dataset, Sample
from handful.core.hierarchy import Hierarchy
from handful.core.kind import Kind
from handful.core.recipe import Recipe, Stage
from handful.core.standardization import Scale
from handful.core.tensors import LabelEmbedding
from handful.errors import TrainingError


@dataclass(frozen=True, eq=False)
class Task:
    """Class names and images per class of the training split.

    Attributes:
        classes: class names in sorted order.
        counts: training images of each class, int64; of multilabel data, those that are known to show it; of bags, the
            bags of each class.
        kind: whether an image has one class, several, or numbers, whose names the `classes` then are, or a bag has one.
        scale: of the numbers; None: other kinds.
    """

    classes: tuple[str, ...]
    counts: Int[np.ndarray, " k"]
    kind: Kind = "multiclass"
    scale: Scale | None = None


# A training function for parts: Seg-M and induced trees train a network of their own.
Fit = Callable[[Recipe, Dataset, int], Any]
# A recipe that a part trains besides the run's own, and the images that it is trained on.
NestedRun = tuple[Recipe, Dataset]


@dataclass(frozen=True, eq=False)
class Context:
    """What a part may know when it is built."""

    task: Task
    labels: LabelEmbedding  # for the part that builds them: one-hot
    recipe: Recipe
    seed: int = 0
    fit: Fit | None = None  # `train`, on the same device
    load: Callable[[Path], Any] | None = None  # a saved classifier, for a Seg-M from another data set
    named: Callable[[str], Recipe] | None = None  # a recipe by name: recipes lie above the parts
    data: Dataset | None = None  # the prepared training split: a hierarchy may train a network on it
    unlabelled: tuple[
        Sample, ...
    ] = ()  # the run's images without a label, as it got them: nested runs learn from them too
    hierarchy: Hierarchy | None = None
    features: Callable[[], int] | None = None  # length of `Output.features`, once there is a network
    maps: Callable[[], tuple[int, int]] | None = None  # channels and stride of `Output.maps`, once there is a network
    feature_maps: Callable[[Any], Any] | None = None  # the backbone, for a loss that gives it images of its own
    images: int = 0  # training images, unlabelled ones included: `Batch.index` is below
    stage: Stage | None = None  # for a loss: the stage that it is built for
    # What cross-fitting computed, by number of folds, for the posthoc parts of one run to share: all that ever changes.
    folds: dict[int, Any] = field(default_factory=dict)

    def recipe_named(self, name: str, *, where: str) -> Recipe:
        """The recipe of that name. TrainingError if no recipe can be loaded here, RecipeError if it does not exist."""
        if self.named is None:
            raise TrainingError("recipes cannot be loaded here", where=where)
        return self.named(name)

    def train(self, recipe: Recipe, data: Dataset, seed: int, *, where: str) -> Any:
        """Train a further classifier for a part. TrainingError if training is not possible here."""
        if self.fit is None:
            raise TrainingError("training is not possible here", where=where)
        return self.fit(recipe, data, seed)
