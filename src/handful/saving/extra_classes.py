"""Classes known by their names only: the closing idea of the soft-label paper (zero-shot prediction).

An image's embedding is compared with the vectors of new names beside those that were trained. Nothing is learnt anew,
and training has never pushed an image away from a new class: expect the trained ones to be preferred. Measured on
CIFAR-100, 15 classes trained and five named (bench soft-labels-unseen): 33 % right among the five, none among all 20.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from handful.core.context import Task
from handful.errors import DataError, ModelError
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.parts import registry


def with_names(classifier: Classifier, names: Sequence[str]) -> Classifier:
    """A classifier that also scores the classes of these names; of an ensemble, every member does.

    Their vectors come from where the trained classes' came: the recipe's labels say.

    Raises:
        ModelError: its labels are not made from names, a name is known already, or the source has changed.
        DataError, WeightsError: names that the source does not know.
    """

    def change(one: Classifier) -> Classifier:
        if not registry.has_trait("labels", one.recipe.labels, "reads_names"):
            raise ModelError(
                f"this model's labels ({one.recipe.labels.name}) do not depend on the names of classes",
                where=one.recipe.name,
                remedy='train a recipe with labels "word_embeddings", e.g. soft-labels-wrn.',
            )
        new = [name for name in names if name not in one.classes]
        everything = Task((*one.classes, *new), np.zeros(len(one.classes) + len(new), dtype=np.int64))
        labels = registry.build_labels(one.recipe, everything)
        old = labels.vectors[: len(one.classes)]
        if old.shape != one.labels.vectors.shape or not torch.allclose(old, one.labels.vectors, atol=1e-4):
            raise ModelError(
                "the source of the class vectors has changed since this model was trained",
                where=one.recipe.labels.options.get("path") or "labels",
                remedy="use the same file or encoder.",
            )
        extended = one.with_labels(tuple(names), labels.vectors[len(one.classes) :])
        return replace(extended, labels=replace(extended.labels, read_as=labels.read_as))

    return each(classifier, change)


def read_names(path: Path) -> tuple[str, ...]:
    """Class names from a text file, one a line; empty lines are passed over.

    Raises:
        DataError: no such file, no text, or no name in it.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the class names cannot be read: {error}", where=path, remedy="give a UTF-8 text file."
        ) from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise DataError("no class names found", where=path, remedy="write one name per line.")
    return names
