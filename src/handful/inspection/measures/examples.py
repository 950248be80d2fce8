"""Representative and unusual pictures of each class: what to show to someone who is to label more.

Representative ones are medoids (k-medoids by the BUILD step of Kaufman and Rousseeuw 1990: each next medoid lowers
the sum of distances most). Unusual ones are far from all of these and from each other (farthest-first traversal,
Gonzalez 1985). After "Thinking Like an Annotator" (Chang et al. 2023): rules for annotators need both.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from handful.inspection.measurements import Measurements
from handful.inspection.measures.complexity import distances

EACH = 4
MOST = 1000  # images of a class that are looked at


@dataclass(frozen=True)
class Examples:
    """Ids of one class."""

    name: str
    representative: tuple[str, ...]
    unusual: tuple[str, ...]


def measure(measurements: Measurements, *, each: int = EACH, seed: int = 0) -> tuple[Examples, ...]:
    """Classes in order; those without images have none. Empty without features."""
    if measurements.components is None:
        return ()
    rng = np.random.default_rng(seed)
    examples = []
    shown = measurements.data.targets()[measurements.distinct] == 1
    for label, name in enumerate(measurements.data.classes):
        rows = measurements.distinct[shown[:, label]]
        if len(rows) > MOST:
            rows = np.sort(rng.choice(rows, MOST, replace=False))
        distance = distances(measurements.components[rows])
        centers = medoids(distance, min(each, (len(rows) + 1) // 2))
        far = farthest(distance, centers, min(each, len(rows) - len(centers)))
        ids = [measurements.data.samples[i].id for i in rows]
        examples.append(Examples(name, tuple(ids[i] for i in centers), tuple(ids[i] for i in far)))
    return tuple(examples)


def medoids(distance: Float[np.ndarray, "n n"], k: int) -> list[int]:
    """Positions of k medoids, the most central first."""
    chosen: list[int] = []
    nearest = np.full(len(distance), np.inf)
    for _ in range(k):
        total = np.minimum(distance, nearest[None]).sum(axis=1)
        total[chosen] = np.inf
        chosen.append(int(total.argmin()))
        nearest = np.minimum(nearest, distance[chosen[-1]])
    return chosen


def farthest(distance: Float[np.ndarray, "n n"], start: list[int], k: int) -> list[int]:
    """Positions of k, each as far as can be from `start` and those before it."""
    chosen: list[int] = []
    for _ in range(k):
        nearest = distance[[*start, *chosen]].min(axis=0)
        nearest[[*start, *chosen]] = -1
        chosen.append(int(nearest.argmax()))
    return chosen
