"""Zero-shot prediction: classes that are known by their names only, as the soft-label paper suggests at its end.

An image's embedding is also compared with the word vectors of the new names. Nothing is trained again, and training
never pushed an image away from a new class, so trained classes are preferred (docs/results.md, soft-labels-unseen).
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

    Their vectors come from the same source as those of the trained classes, which the recipe's labels name.

    Raises:
        ModelError: its labels are not made from names, a name is known already, or the source has changed.
        DataError, WeightsError: names that the source does not know.
    """

    def extend(member: Classifier) -> Classifier:
        if not registry.has_trait("labels", member.recipe.labels, "reads_names"):
            raise ModelError(
                f"this model's labels ({member.recipe.labels.name}) do not depend on the names of classes",
                where=member.recipe.name,
                remedy='train a recipe with labels "word_embeddings", e.g. soft-labels-wrn.',
            )
        new = [name for name in names if name not in member.classes]
        task = Task((*member.classes, *new), np.zeros(len(member.classes) + len(new), dtype=np.int64))
        labels = registry.build_labels(member.recipe, task)
        old = labels.vectors[: len(member.classes)]
        if old.shape != member.labels.vectors.shape or not torch.allclose(old, member.labels.vectors, atol=1e-4):
            raise ModelError(
                "the source of the class vectors has changed since this model was trained",
                where=member.recipe.labels.options.get("path") or "labels",
                remedy="use the same file or encoder.",
            )
        extended = member.with_labels(tuple(names), labels.vectors[len(member.classes) :])
        return replace(extended, labels=replace(extended.labels, read_as=labels.read_as))

    return each(classifier, extend)


def read_names(path: Path) -> tuple[str, ...]:
    """Class names from a text file, one per line; empty lines are ignored.

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
