"""The smallest true difference in accuracy that the test part can resolve.

Two classifiers on the same images differ by McNemar's test, which looks only at the images that one gets right and the
other wrong. With a share q of such images, n images resolve a true difference d where
n d^2 = (z_alpha sqrt(q) + z_beta sqrt(q - d^2))^2 (Connor 1987, https://doi.org/10.2307/2531961).
"""

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from handful.evaluation.intervals import wilson
from handful.inspection.measurements import Measurements

LEVEL, POWER = 0.05, 0.8
LEAST = 0.02  # share of images that two methods are taken to disagree about, at least


@dataclass(frozen=True)
class Resolution:
    """`images` scored once each: the test part, or with `crossed` all labelled images by cross-validation.

    `disagree`: share of images that logistic regression and nearest mean, cross-fitted on features of the training
    images, do not both get right or wrong. `smallest`: the difference that is found four times in five; NaN: none is.
    `accuracy` is the better one's, and `low` to `high` the 95 % interval of such a score on so many images.
    """

    images: int
    crossed: bool
    disagree: float
    smallest: float
    accuracy: float
    low: float
    high: float


def measure(measurements: Measurements) -> Resolution | None:
    """None: there are no features, or too few images to see how often two methods disagree."""
    cv = measurements.cross_validation
    if cv is None:
        return None
    right = cv.predictions == cv.labels
    other = cv.nearest == cv.labels
    disagree = max(LEAST, float((right != other).mean()))
    test = sum(s.split == "test" and s.label is not None for s in measurements.data.samples)
    images = test or len(measurements.training)
    accuracy = max(float(right.mean()), float(other.mean()))
    low, high = wilson(accuracy * images, images)
    return Resolution(images, not test, disagree, smallest_difference(images, disagree), accuracy, low, high)


def smallest_difference(images: int, disagree: float, *, level: float = LEVEL, power: float = POWER) -> float:
    """The true difference that McNemar's test finds with this power; NaN where even the largest, q, is not enough."""
    a, b = float(stats.norm.ppf(1 - level / 2)), float(stats.norm.ppf(power))

    def lacking(d: float) -> float:
        return float(a * np.sqrt(disagree) + b * np.sqrt(max(0.0, disagree - d * d)) - d * np.sqrt(images))

    if lacking(disagree) > 0:
        return float("nan")
    return float(optimize.brentq(lacking, 0.0, disagree))
