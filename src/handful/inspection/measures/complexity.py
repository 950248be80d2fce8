"""Intrinsic dimension and label sharpness: how hard this kind of picture is to learn from.

After Konz and Mazurowski 2024, https://arxiv.org/abs/2401.08865, whose bounds on the generalisation error grow with
both. The dimension is the maximum-likelihood estimate of Levina and Bickel 2004 from 20 nearest neighbors, averaged
over pictures as MacKay and Ghahramani 2005 correct it (the inverses are averaged). The sharpness is the paper's
K_F = max over pairs of |y_i - y_j| / ||x_i - x_j||, with |y_i - y_j| = 1 for two classes, so one over the distance of
the closest pair of different classes. The paper takes pictures of 224 x 224 in [0, 1]; here they are the 32 x 32
ones times 7, copies left out, so compare these numbers with each other only.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from handful.inspection.measurements import Measurements

NEIGHBOURS = 20
MOST = 2000  # pictures that are looked at
FEWEST = 10


@dataclass(frozen=True)
class Complexity:
    """`dimension` of the pixels, `feature_dimension` of the features (NaN without). `closest`: ids of that pair."""

    images: int
    dimension: float
    feature_dimension: float
    sharpness: float
    closest: tuple[str, str]


def measure(measurements: Measurements, *, seed: int = 0) -> Complexity | None:
    """None: fewer than ten distinct labelled pictures, or one class."""
    rows = measurements.distinct
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(rows, MOST, replace=False))
    if len(rows) < FEWEST or len(np.unique(measurements.labels[rows])) < 2:
        return None
    x = measurements.statistics.small[rows].reshape(len(rows), -1).astype(np.float64) * (7 / 255)
    distance = distances(x)
    other = np.where(measurements.labels[rows][:, None] != measurements.labels[rows][None], distance, np.inf)
    i, j = np.unravel_index(int(other.argmin()), other.shape)
    features = float("nan")
    if measurements.features is not None:
        features = intrinsic_dimension(distances(measurements.features[rows].astype(np.float64)))
    closest = measurements.data.samples[rows[i]].id, measurements.data.samples[rows[j]].id
    return Complexity(len(rows), intrinsic_dimension(distance), features, float(1 / max(other[i, j], 1e-9)), closest)


def distances(x: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n n"]:
    """Euclidean, of every pair."""
    square = np.square(x).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(square[:, None] + square[None] - 2 * x @ x.T, 0)))


def intrinsic_dimension(distance: Float[np.ndarray, "n n"], neighbors: int = NEIGHBOURS) -> float:
    """Dimension from every pair's distance: 1 / mean over i and j < k of log(T_k(i) / T_j(i)).

    `T_j(i)` is the distance of picture i to its j-th neighbor. Neighbours at distance 0 do not count.
    """
    n = len(distance)
    nearest = distance + np.diag(np.full(n, np.inf))
    nearest = np.sort(np.where(nearest > 1e-9, nearest, np.inf), axis=1)[:, : min(neighbors, n - 1)]
    last = np.where(np.isfinite(nearest), nearest, -1).max(axis=1, keepdims=True)
    logs = np.log(last / nearest[:, :-1])[np.isfinite(nearest[:, :-1])]
    total = float(logs.mean()) if len(logs) else 0.0
    return 1 / total if total > 0 else float("nan")
