"""Predictions of groups: the class probabilities of several views or frames of one object, averaged."""

from collections.abc import Iterable, Iterator

import numpy as np

from handful.core.dataset import Dataset
from handful.core.groups import group_index, group_means
from handful.deployment.predict_table import PredictedChunk
from handful.deployment.table_files import Columns, with_gaps
from handful.errors import ModelError, by_interface


def predict_groups(
    chunks: Iterable[PredictedChunk], data: Dataset, classes: tuple[str, ...]
) -> Iterator[PredictedChunk]:
    """One row for each group, in the order of their first images: class, probabilities, and how many images voted.

    An image without a group is a row of its own. Images that cannot be read do not vote; a group of which none can be
    read has the error of its first. Prediction sets and rejections are of images, and left out.

    Args:
        chunks: of `predict_chunks`, on this data.
        data: the images.
        classes: the model's.

    Raises:
        ModelError: the model gives several labels per image.
    """
    groups = {s.id: s.group for s in data.samples}
    names: list[str] = []
    labels: list[str | None] = []
    rows, errors = [], {}
    for chunk in chunks:
        if "labels" in chunk.columns:
            raise ModelError(
                "votes are counted for models of one label per image, and this one gives several",
                where=by_interface(command="--per-group", python="groups"),
                remedy="leave it out.",
            )
        errors.update({len(names) + i: reason for i, reason in chunk.errors.items()})
        names += [groups.get(str(name)) or str(name) for name in chunk.columns["id"]]
        labels += [*chunk.columns.get("label", [None] * len(chunk.columns["id"]))]
        rows.append(np.stack([np.asarray(chunk.columns[f"p_{name}"], np.float64) for name in classes], axis=1))
    yield _grouped(names, labels, np.concatenate(rows), errors, classes)


def _grouped(
    names: list[str],
    labels: list[str | None],
    probabilities: np.ndarray,
    errors: dict[int, str],
    classes: tuple[str, ...],
) -> PredictedChunk:
    ids, index = group_index(names)
    votes = np.array([i not in errors for i in range(len(names))], dtype=bool)
    counts = np.bincount(index[votes], minlength=len(ids))
    failed = {int(index[i]): errors[i] for i in sorted(errors, reverse=True) if not counts[index[i]]}
    readable = np.flatnonzero(counts)
    place = np.full(len(ids), -1)
    place[readable] = np.arange(len(readable))
    means = group_means(probabilities[votes], place[index[votes]], len(readable)).astype(np.float32)
    columns: Columns = {
        "prediction": [classes[int(i)] for i in means.argmax(axis=1)],
        "probability": means.max(axis=1) if len(means) else np.zeros(0, np.float32),
        "images": counts[readable].astype(np.float32),
        **{f"p_{name}": means[:, j] for j, name in enumerate(classes)},
    }
    columns = {"id": [*ids], **with_gaps(columns, failed, len(ids))}
    if any(label is not None for label in labels):
        given: list[set[str]] = [set() for _ in ids]
        for label, group in zip(labels, index, strict=True):
            given[group] |= {label} if label else set()
        agreed = [next(iter(each)) if len(each) == 1 else None for each in given]
        columns = {"id": columns.pop("id"), "label": agreed, **columns}
    return PredictedChunk(columns, failed)
