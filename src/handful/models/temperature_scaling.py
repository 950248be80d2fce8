"""Temperature scaling: the number that class scores are divided by before the softmax, fitted to labels."""

from math import exp, log

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def fit_temperature(
    scores: Float[np.ndarray, "n k"],
    labels: Int[np.ndarray, " n"] | Float[np.ndarray, "n k"],
    *,
    bounds: tuple[float, float],
    tolerance: float = 1e-5,
) -> tuple[float, float]:
    """The temperature of least log loss, and the mean loss in nats under it.

    As in Platt's scaling (1999, section 2.2) no label is taken to be certain: of n images the true class counts
    (n + 1) / (n + 2), and the others share the rest. Otherwise a handful of images that are all classified right would
    ask for a temperature of 0.

    Args:
        scores: class scores of images that the scoring model was not fitted to.
        labels: their classes; or the probabilities of these, times the image's weight.
        bounds: lowest and highest temperature.
        tolerance: of the temperature's logarithm.
    """
    n, k = scores.shape
    true = (n + 1) / (n + 2)
    other = (1 - true) / max(1, k - 1)
    if labels.ndim == 2:
        targets = other * labels.sum(axis=1, keepdims=True) + (true - other) * labels
    else:
        targets = np.full((n, k), other)
        targets[np.arange(n), labels] = true

    def loss(logarithm: float) -> float:
        return float(-(targets * log_softmax(scores / exp(logarithm), axis=1)).sum(axis=1).mean())

    limits = (log(bounds[0]), log(bounds[1]))
    found = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": tolerance})
    return exp(float(found.x)), float(found.fun)
