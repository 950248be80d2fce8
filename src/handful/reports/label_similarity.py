"""Similarity of the label embeddings of a recipe: cosines, closest pairs, and the text that was embedded."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from handful.core.context import Task
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.models.text.class_names import same_words
from handful.parts import registry
from handful.reports.plots import save_figure
from handful.reports.similarity_matrix import closest_pairs, cosine_matrix, similarity_figure


@dataclass(frozen=True, eq=False)
class LabelSimilarity:
    """Cosines between the label embeddings of `classes`.

    Attributes:
        classes: class names.
        source: source of the word embeddings; "chance" for random ones.
        dimensions: length of an embedding.
        read_as: text that was embedded for each class; empty for random embeddings.
        cosines: of each pair of classes, float64.
    """

    classes: tuple[str, ...]
    source: str
    dimensions: int
    read_as: tuple[str, ...]
    cosines: Float[np.ndarray, "k k"]

    @property
    def closest(self) -> list[tuple[str, str, float]]:
        """All pairs of classes with their cosine, the most similar first."""
        return [(self.classes[a], self.classes[b], cosine) for a, b, cosine in closest_pairs(self.cosines)]

    @property
    def read_differently(self) -> list[tuple[str, str]]:
        """Classes of which other text was embedded than their name, with the text."""
        pairs = zip(self.classes, self.read_as, strict=False)
        return [(name, text) for name, text in pairs if not same_words(name, text)]

    def save_figure(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the similarity matrix as a .png or .svg file.

        Raises:
            OutputError: the suffix is another, or the file exists.
        """
        save_figure(similarity_figure(self.cosines, self.classes), path, overwrite=overwrite)


def label_similarity(recipe: Recipe, data: Dataset, *, seed: int = 0) -> LabelSimilarity:
    """Compute the cosines between the label embeddings of a recipe.

    Args:
        recipe: its labels are compared (`handful.recipes.label_space.labels_recipe`).
        data: gives the classes.
        seed: of random embeddings.

    Raises:
        RecipeError, WeightsError, DataError: the embeddings cannot be made.
    """
    labels = registry.build_labels(recipe, Task(data.classes, data.counts), seed=seed)
    from_names = registry.has_trait("labels", recipe.labels, "reads_names")
    source = str(recipe.labels.options.get("source", "minilm")) if from_names else "chance"
    cosines = cosine_matrix(labels.vectors.numpy().astype(np.float64))
    return LabelSimilarity(data.classes, source, labels.size, labels.read_as, cosines)
