"""Made-up results with known scores, for the tests of statistics, cost and report."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from handful.core.result import Result, Run
from handful.evaluation.annotation_cost import AnnotationTimes, CostPoint
from tests.support.datasets import CLASSES, recipe


def run(
    labels: list[int],
    predictions: list[int],
    *,
    draw: int = 0,
    fold: int | None = None,
    per_class: int | None = None,
    first: int = 0,
    n_train: int = 6,
    classes: int = 3,
    counts: tuple[int, ...] | None = None,
) -> Run:
    """A run that scored images `first`, `first + 1`, ... and trained on others of its own draw."""
    probabilities = np.full((len(labels), classes), 0.1 / (classes - 1))
    probabilities[np.arange(len(labels)), predictions] = 0.9
    return Run(
        draw,
        fold,
        draw,
        tuple(f"train{draw}-{i}" for i in range(n_train)),
        tuple(f"test{first + i}" for i in range(len(labels))),
        np.array(labels),
        probabilities,
        1.0,
        per_class,
        None if counts is None else np.array(counts),
    )


def result(name: str, *runs: Run, classes: tuple[str, ...] = CLASSES) -> Result:
    """A result of a recipe with this name."""
    return Result(replace(recipe(), name=name), classes, runs)


def random_result(
    name: str,
    share: float,
    *,
    draws: int = 5,
    n: int = 200,
    per_class: int | None = 5,
    spread: float = 0.03,
    seed: int = 0,
    counts: tuple[int, ...] | None = None,
) -> Result:
    """About `share` of `n` fixed test images right, `spread` the standard deviation over draws."""
    rng = np.random.default_rng(seed)
    labels = np.random.default_rng(1).integers(0, 3, n)
    runs = []
    for draw in range(draws):
        right = rng.random(n) < np.clip(share + spread * rng.standard_normal(), 0, 1)
        wrong = (labels + rng.integers(1, 3, n)) % 3
        runs.append(
            run(labels.tolist(), np.where(right, labels, wrong).tolist(), draw=draw, per_class=per_class, counts=counts)
        )
    return result(name, *runs)


def cost_curve(
    recipe: str, scores: Mapping[int, float], times: AnnotationTimes, *, classes: int = 10, masked: bool = False
) -> list[CostPoint]:
    """A point for each number of images per class, with a mask for every image or for none."""
    images = {m: classes * m for m in sorted(scores)}
    masks = {m: n if masked else 0 for m, n in images.items()}
    return [CostPoint(recipe, m, n, masks[m], times.hours(n, masks[m]), scores[m]) for m, n in images.items()]


def fold_result(name: str, right: Sequence[int]) -> Result:
    """Folds of ten images each, of which so many are right."""
    labels = [0] * 5 + [1] * 5
    runs = []
    for fold, n in enumerate(right):
        predictions = [label if i < n else 2 for i, label in enumerate(labels)]
        runs.append(run(labels, predictions, fold=fold, first=10 * fold, n_train=30))
    return result(name, *runs)


def run_gaps(a: Result, b: Result) -> np.ndarray:
    """Accuracy of A minus that of B in each run."""
    first, second = (np.array([np.mean(r.predictions == r.labels) for r in x.runs]) for x in (a, b))
    return np.asarray(first - second)


def same_runs(a: Result, b: Result) -> bool:
    """Whether two results have the same training images, test images and probabilities."""
    pairs = zip(a.runs, b.runs, strict=True)
    return all(
        x.ids == y.ids and x.train_ids == y.train_ids and (x.probabilities == y.probabilities).all() for x, y in pairs
    )
