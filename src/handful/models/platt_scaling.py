"""Platt scaling: a sigmoid of scores, with a slope and an offset, fitted to whether images show a class.

Platt 1999, "Probabilistic outputs for support vector machines", section 2.2. Of several classes each has a slope and an
offset of its own, with a normal prior about the pair that all classes share: the fewer images of a class, the closer it
stays to the shared pair. A class with fewer than `FEWEST` images of either kind takes the shared pair.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize
from scipy.special import expit

FEWEST = 5  # images that show a class, and that do not
DEVIATION = 0.5  # of the prior, of the slope's logarithm and of the offset


@dataclass(frozen=True, eq=False)
class ClassScaling:
    """Slope and offset of each class; `shared`: whether it takes the pair of all classes, for want of images."""

    slopes: Float[np.ndarray, " k"]
    offsets: Float[np.ndarray, " k"]
    shared: Bool[np.ndarray, " k"]

    def scale(self, scores: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
        """Calibrated scores, in log-odds."""
        return np.asarray(scores * self.slopes + self.offsets)


def fit_platt(
    scores: Float[np.ndarray, " m"], present: Bool[np.ndarray, " m"], *, start: float
) -> tuple[float, float, float]:
    """Temperature and offset of least log loss of `sigmoid(score / temperature + offset)`, and that loss.

    As Platt has it, no entry is certain: of n present ones (n + 1) / (n + 2) count as present.
    """
    return _fit(scores, present, start=start, prior=None)


def fit_class_platt(
    scores: Float[np.ndarray, "n k"], targets: Float[np.ndarray, "n k"], *, deviation: float = DEVIATION
) -> ClassScaling:
    """Slope and offset of each class, shrunk to those of all classes together.

    Args:
        scores: of held-out images.
        targets: 1, 0 or NaN; unknown entries are left out.
        deviation: of the prior: small values keep classes at the shared pair.
    """
    k = targets.shape[1]
    known = ~np.isnan(targets)
    temperature, offset, _ = _fit(scores[known], targets[known] == 1, start=1.0, prior=None)
    temperatures, offsets = np.full(k, temperature), np.full(k, offset)
    fewest = np.minimum((targets == 1).sum(axis=0), (targets == 0).sum(axis=0))
    for c in np.flatnonzero(fewest >= FEWEST):
        rows = known[:, c]
        prior = (offset, deviation)
        temperatures[c], offsets[c], _ = _fit(scores[rows, c], targets[rows, c] == 1, start=temperature, prior=prior)
    return ClassScaling(1 / temperatures, offsets, fewest < FEWEST)


def _fit(
    scores: Float[np.ndarray, " m"],
    present: Bool[np.ndarray, " m"],
    *,
    start: float,
    prior: tuple[float, float] | None,
) -> tuple[float, float, float]:
    """Temperature, offset and mean loss; a prior has an offset and a deviation, and its temperature is `start`."""
    positives, negatives = int(present.sum()), int((~present).sum())
    targets = np.where(present, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    center = np.array([0.0, 0.0 if prior is None else prior[0]])
    strength = 0.0 if prior is None else 1 / (prior[1] ** 2 * len(scores))

    def loss(values: Float[np.ndarray, " 2"]) -> tuple[float, Float[np.ndarray, " 2"]]:
        slope = np.exp(values[0]) / start
        z = slope * scores + values[1]
        residual = (expit(z) - targets) / len(scores)
        away = values - center
        mean = float(np.mean(np.logaddexp(0, z) - targets * z)) + strength * float(away @ away) / 2
        return mean, np.array([(residual * slope * scores).sum(), residual.sum()]) + strength * away

    found = minimize(loss, center, jac=True, method="L-BFGS-B", bounds=[(-9.0, 9.0), (-20.0, 20.0)])
    return float(start / np.exp(found.x[0])), float(found.x[1]), float(found.fun)
