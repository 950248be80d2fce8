"""Temperature scaling: the number that class scores are divided by before the softmax, fitted to labels."""

from math import exp, log

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize, minimize_scalar
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
    targets = _smoothed(labels, scores.shape[1])

    def loss(logarithm: float) -> float:
        return float(-(targets * log_softmax(scores / exp(logarithm), axis=1)).sum(axis=1).mean())

    limits = (log(bounds[0]), log(bounds[1]))
    found = minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": tolerance})
    return exp(float(found.x)), float(found.fun)


def fit_temperature_and_offsets(
    scores: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"], *, bounds: tuple[float, float]
) -> tuple[float, Float[np.ndarray, " k"], float]:
    """Temperature and offsets of least log loss of `softmax(scores / temperature + offsets)`, and that loss.

    The offset of the first class is 0. No label is taken to be certain, as in `fit_temperature`.

    Args:
        scores: class scores that the scoring model was not fitted to.
        labels: their classes.
        bounds: lowest and highest temperature.
    """
    targets = _smoothed(labels, scores.shape[1])
    start = fit_temperature(scores, labels, bounds=bounds)[0]

    def loss(values: Float[np.ndarray, " k"]) -> tuple[float, Float[np.ndarray, " k"]]:
        scaled = scores / exp(values[0])
        logs = log_softmax(scaled + np.append(0.0, values[1:]), axis=1)
        residual = (np.exp(logs) - targets) / len(scores)
        gradient = residual.sum(axis=0)
        gradient[0] = -(residual * scaled).sum()
        return float(-(targets * logs).sum(axis=1).mean()), gradient

    limits = [(log(bounds[0]), log(bounds[1])), *[(-20.0, 20.0)] * (scores.shape[1] - 1)]
    found = minimize(loss, np.append(log(start), np.zeros(scores.shape[1] - 1)), jac=True, bounds=limits)
    return exp(float(found.x[0])), np.append(0.0, found.x[1:]), float(found.fun)


def _smoothed(labels: Int[np.ndarray, " n"] | Float[np.ndarray, "n k"], k: int) -> Float[np.ndarray, "n k"]:
    """Class probabilities under which no label is certain; rows of weighted probabilities keep their sum."""
    n = len(labels)
    true = (n + 1) / (n + 2)
    other = (1 - true) / max(1, k - 1)
    if labels.ndim == 2:
        return np.asarray(other * labels.sum(axis=1, keepdims=True) + (true - other) * labels)
    targets = np.full((n, k), other)
    targets[np.arange(n), labels] = true
    return targets
