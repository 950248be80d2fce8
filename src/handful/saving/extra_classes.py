"""Prediction of classes that a model was not trained on: known by their names only, or the groups of a tree.

Names, as the soft-label paper suggests at its end: an image's embedding is also compared with the word vectors of the
new names. Nothing is trained again, and training never pushed an image away from a new class, so trained classes are
preferred (docs/results.md, soft-labels-unseen).

Groups, as Loki does (parts/posthoc/loki): any model's probabilities are spread over classes that lie in a tree, and
where they are divided among the classes of a group, the group is the answer.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Task
from handful.core.text import listed
from handful.data.class_names import read_names
from handful.errors import DataError, ModelError
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble, each
from handful.models.network import Network
from handful.parts import registry
from handful.parts.hierarchies.nested_yaml import read_whole
from handful.parts.posthoc.loki import groups_above, with_groups

TREES = (".yaml", ".yml")
# what a card says of the trained classes does not hold for more
OF_TRAINED_CLASSES = ("scores", "measured", "calibration", "failures")


def with_file(classifier: Classifier, path: Path) -> Classifier:
    """A classifier that also predicts what a file lists: names in a text file, or the groups of a tree (.yaml).

    Raises:
        ModelError, DataError, WeightsError: as `with_names`, `read_names` and `with_tree`.
    """
    if path.suffix.lower() in TREES:
        return with_tree(classifier, path)
    return with_names(classifier, read_names(path))


def with_tree(classifier: Classifier, path: Path) -> Classifier:
    """A classifier that also predicts the groups of a tree; of an ensemble, every member does.

    The leaves of the tree are the classes of the model, and any others: an image of these can be answered by a group
    that they share with classes of the model, never by their own name.

    Raises:
        ModelError: the model names several classes per image or numbers, or has prediction sets.
        DataError: as hierarchies/nested_yaml; a name that is there twice; or no group but the root.
    """
    _refuse_for_tree(classifier)
    hierarchy = read_whole(path, classifier.classes)
    groups = [hierarchy.names[node] for node in groups_above(hierarchy, len(classifier.classes))]
    if not groups:
        raise DataError(
            "the tree has no group with classes of the model, other than the root",
            where=path,
            remedy="put two or more classes that are alike into a group.",
        )
    twice = sorted({name for name in groups if groups.count(name) > 1 or name in classifier.classes})
    if twice:
        raise DataError(
            f"names are in the tree twice: {listed([repr(name) for name in twice], 9)}",
            where=path,
            remedy="give each group a name of its own.",
        )
    extended = each(classifier, lambda member: with_groups(member, hierarchy))
    return replace(extended, card={k: v for k, v in classifier.card.items() if k not in OF_TRAINED_CLASSES})


def _refuse_for_tree(classifier: Classifier) -> None:
    if classifier.kind != "multiclass":
        raise ModelError(
            "groups of a tree are predicted by a model of one label per image",
            where=classifier.recipe.name,
            remedy="predict without the tree.",
        )
    for member in classifier.members if isinstance(classifier, Ensemble) else ():
        _refuse_for_tree(member)
    if classifier.wrapped_by("conformal") is not None:
        raise ModelError(
            "the prediction sets of this model are of its trained classes alone",
            where=classifier.recipe.name,
            remedy="predict without the tree, or with a model that was trained without sets.",
        )


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
        extended = with_class_vectors(member, tuple(names), labels.vectors[len(member.classes) :])
        return replace(extended, labels=replace(extended.labels, read_as=labels.read_as))

    return each(classifier, extend)


def with_class_vectors(classifier: Classifier, classes: Sequence[str], vectors: Float[Tensor, "m d"]) -> Classifier:
    """A classifier that also knows these classes, by nothing but their vectors; weights are shared.

    Where vectors say what classes have in common, images of a class never trained on may come near its own.

    Raises:
        ModelError: a class that is known, vectors of another length, or a network that does not compare with
            class vectors at its end.
    """
    known = [name for i, name in enumerate(classes) if name in classifier.classes or name in classes[:i]]
    if known or len(classes) != len(vectors):
        what = f"class {known[0]!r} already exists" if known else f"{len(classes)} names, {len(vectors)} vectors"
        raise ModelError(what, where="classes", remedy="name each new class once, with its vector.")
    if vectors.shape[1] != classifier.labels.size:
        raise ModelError(
            f"vectors of {vectors.shape[1]} numbers; the model's have {classifier.labels.size}",
            where=classifier.recipe.name,
            remedy="compute them as the model's label vectors were computed.",
        )
    if not isinstance(classifier.network, Network) or getattr(classifier.network.head, "own_classes", False):
        raise ModelError(
            "this network does not end in a comparison with class vectors",
            where=classifier.recipe.name,
            remedy="use a model whose recipe has [labels] word_embeddings, without posthoc parts.",
        )
    both = torch.cat([classifier.labels.vectors, vectors.to(classifier.labels.vectors)])
    labels = replace(classifier.labels, vectors=both, read_as=())
    counts = np.concatenate([classifier.counts, np.zeros(len(classes), dtype=classifier.counts.dtype)])
    network = classifier.network.with_labels(labels)
    return replace(classifier, classes=(*classifier.classes, *classes), labels=labels, network=network, counts=counts)
