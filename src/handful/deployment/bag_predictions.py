"""Predictions of bags: class probabilities pooled from those of a bag's images, which are listed beside them."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.groups import group_index
from handful.core.prediction import Predictor
from handful.deployment.predict_table import PredictedChunk
from handful.deployment.table_files import Columns, with_gaps
from handful.errors import ModelError, by_interface
from handful.models.bag_pooling import bag_head, pool_bags
from handful.models.classifier import Classifier
from handful.parts.heads._bags import weights_in_bags

TELLING = 5  # images of a bag that its row names


def bag_model(classifier: Predictor) -> Classifier:
    """The model, which was trained on bags.

    Raises:
        ModelError: it was not, or it has test-time augmentation.
    """
    if not isinstance(classifier, Classifier) or classifier.kind != "bag":
        raise ModelError(
            "this model was not trained on bags",
            where=by_interface(command="--bag", python="bag"),
            remedy="leave it out; or fit a model on bags with it, e.g. with the recipe bag-mean.",
        )
    bag_head(classifier.network)
    return classifier


def predict_bags(
    chunks: Iterable[PredictedChunk],
    data: Dataset,
    classifier: Classifier,
    *,
    write_images: Callable[[PredictedChunk], None] | None = None,
) -> Iterator[PredictedChunk]:
    """One row for each bag, in the order of their first images: class, probabilities, and its most telling images.

    These are the images of the highest probability of the bag's class. Images that cannot be read are left out of their
    bag; a bag of which none can be read has the error of its first.

    Args:
        chunks: of `predict_chunks`, on this data.
        data: the images, in bags.
        classifier: a model that was trained on bags.
        write_images: called once with the rows of all images: their bag, class, probabilities and, of a model that
            weighs images, weight in the bag.
    """
    bags = {s.id: s.bag or s.id for s in data.samples}
    names: list[str] = []
    rows, attention, errors = [], [], {}
    for chunk in chunks:
        errors.update({len(names) + i: reason for i, reason in chunk.errors.items()})
        names += [str(name) for name in chunk.columns["id"]]
        rows.append(np.stack([np.asarray(chunk.columns[f"p_{n}"], np.float32) for n in classifier.classes], axis=1))
        if "attention" in chunk.columns:
            attention.append(np.asarray(chunk.columns["attention"], np.float32))
    readable = np.array([i for i in range(len(names)) if i not in errors], dtype=np.int64)
    probabilities = np.concatenate(rows)[readable]
    weights = np.concatenate(attention)[readable] if attention else None
    ids, every = group_index([bags.get(name, name) for name in names])
    known, index = np.unique(every[readable], return_inverse=True)
    of_bags = pool_bags(classifier.network, probabilities, weights, index, len(known))
    failed = {int(every[i]): errors[i] for i in sorted(errors, reverse=True) if int(every[i]) not in known}
    if write_images is not None:
        images = _columns(classifier.classes, probabilities)
        if weights is not None:
            shares = weights_in_bags(torch.from_numpy(weights), torch.from_numpy(index), len(known))
            images["weight"] = shares.numpy()
        in_bags: Columns = {"id": names, "bag": [ids[i] for i in every]}
        write_images(PredictedChunk(in_bags | with_gaps(images, errors, len(names)), errors))
    columns = _columns(classifier.classes, of_bags)
    said = of_bags.argmax(axis=1)
    order = np.argsort(-probabilities[np.arange(len(index)), said[index]], kind="stable")
    columns["images"] = np.bincount(index, minlength=len(known)).astype(np.float32)
    columns["telling"] = [
        "|".join(names[readable[i]] for i in order[index[order] == b][:TELLING]) for b in range(len(known))
    ]
    labels = {s.bag: None if s.label is None else data.classes[s.label] for s in data.samples}
    given: Columns = {"label": [labels.get(name) for name in ids]} if any(labels.values()) else {}
    yield PredictedChunk({"id": [*ids], **given, **with_gaps(columns, failed, len(ids))}, failed)


def _columns(classes: tuple[str, ...], probabilities: Float[np.ndarray, "n k"]) -> Columns:
    return {
        "prediction": [classes[int(i)] for i in probabilities.argmax(axis=1)],
        "probability": probabilities.max(axis=1) if len(probabilities) else np.zeros(0, np.float32),
        **{f"p_{name}": probabilities[:, j] for j, name in enumerate(classes)},
    }
