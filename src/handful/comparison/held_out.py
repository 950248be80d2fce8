"""What a tuning trial is scored by: the predictions for the held-out images of a fold, as values with weights.

Of one label per image, a value is whether an image was right, and the weighted sum their share. Of several, a value is
the precision at an image that shows a class, among the fold's images ranked at or above it; the weighted sum is mean
average precision.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.result import Run
from handful.evaluation.metrics import uneven
from handful.evaluation.multilabel_metrics import precisions


def held_out_values(run: Run) -> tuple[Float[np.ndarray, " m"], float]:
    """The values of one fold, and the mean probability of what is true, which breaks ties."""
    if run.targets is None:
        of_true_class = run.probabilities[np.arange(len(run.labels)), run.labels]
        return (run.predictions == run.labels).astype(float), float(of_true_class.mean())
    known = ~np.isnan(run.targets)
    columns = []
    for c in range(run.targets.shape[1]):
        rows = known[:, c]
        columns.append(precisions(run.targets[rows, c], run.probabilities[rows, c]))
    likelihood = np.where(run.targets == 1, run.probabilities, 1 - run.probabilities)
    return np.concatenate(columns), float(likelihood[known].mean())


def held_out_weights(parts: Sequence[Dataset]) -> list[Float[np.ndarray, " m"]]:
    """The weight of each value, 1 in all: the same for all images, or for all classes where their sizes differ."""
    if any(part.kind == "multilabel" for part in parts):
        shown = [(part.targets() == 1).sum(axis=0) for part in parts]
        total = np.sum(shown, axis=0)
        of_each = 1 / np.maximum(total, 1) / max(1, (total > 0).sum())
        return [np.repeat(of_each, row) for row in shown]
    labels, classes = [part.labels for part in parts], len(parts[0].classes)
    counts = np.bincount(np.concatenate(labels), minlength=classes).astype(float)
    of_class = 1 / (classes * counts) if uneven(counts) else np.full(classes, 1 / counts.sum())
    return [of_class[part] for part in labels]


def encode_values(run: Run, values: Float[np.ndarray, " m"]) -> str | list[float]:
    """The values as a study's storage holds them."""
    if run.targets is None:
        return "".join("01"[int(value)] for value in values)
    return [round(float(value), 6) for value in values]
