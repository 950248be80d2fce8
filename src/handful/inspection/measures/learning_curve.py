"""What more images should bring: accuracy on frozen features over ever larger draws, and the curve beyond them.

The error is fitted as a + b m^-c, an inverse power law (Cortes et al. 1993; Hestness et al. 2017,
https://arxiv.org/abs/1712.00409). Its uncertainty is that of the draws, all from one pool of images: another pool
would add to it.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression

from handful.evaluation.metrics import balanced_accuracy
from handful.inspection.cross_validate_features import compress
from handful.inspection.measurements import Measurements

DRAWS = 12
MORE = 10  # images per class
EXPONENTS = np.geomspace(0.1, 2.0, 25)
RESAMPLES = 300
MOST = 2000  # images of a draw


@dataclass(frozen=True, eq=False)
class LearningCurve:
    """`sizes`: images per class. `scores`: balanced accuracy of each draw at each. `now`: images of the rarest class.

    `at` are numbers per class up to ten more than `now`, `fitted`, `low` and `high` the curve there. `gain` is what
    the ten should bring, in accuracy, with its 95 % interval.
    """

    sizes: tuple[int, ...]
    scores: Float[np.ndarray, "r s"]
    now: int
    at: Float[np.ndarray, " a"]
    fitted: Float[np.ndarray, " a"]
    low: Float[np.ndarray, " a"]
    high: Float[np.ndarray, " a"]
    gain: float
    gain_low: float
    gain_high: float


def measure(measurements: Measurements, *, seed: int = 0) -> LearningCurve | None:
    """None: no features, or fewer than three sizes can be drawn with a fifth of the rarest class left over."""
    rows = measurements.training
    if measurements.features is None or not len(rows):
        return None
    classes, labels, counts = np.unique(measurements.labels[rows], return_inverse=True, return_counts=True)
    now = int(counts.min())
    most = min(int(0.8 * now), MOST // len(classes))
    sizes = tuple(s for s in (1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300) if s <= most)
    if len(classes) < 2 or len(sizes) < 3:
        return None
    rng = np.random.default_rng(seed)
    x = compress(measurements.features[rows])
    groups = measurements.groups[rows]
    scores = np.array([_draw(x, labels, groups, len(classes), sizes, rng) for _ in range(DRAWS)])
    at = np.unique(np.r_[np.geomspace(1, now + MORE, 40), now, now + MORE])
    error = 1 - scores
    best = _fit(np.array(sizes), error.mean(axis=0), at)
    others = np.array(
        [_fit(np.array(sizes), error[rng.integers(DRAWS, size=DRAWS)].mean(axis=0), at) for _ in range(RESAMPLES)]
    )
    low, high = np.percentile(1 - others, [2.5, 97.5], axis=0)
    here, there = int(np.searchsorted(at, now)), len(at) - 1
    gains = others[:, here] - others[:, there]
    gain_low, gain_high = np.percentile(gains, [2.5, 97.5])
    return LearningCurve(
        sizes, scores, now, at, 1 - best, low, high, float(best[here] - best[there]), float(gain_low), float(gain_high)
    )


def _draw(
    x: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, " n"],
    groups: Int[np.ndarray, " n"],
    classes: int,
    sizes: tuple[int, ...],
    rng: np.random.Generator,
) -> list[float]:
    """Scores of nested draws on what the largest left over, less the groups it drew from."""
    order = [rng.permutation(np.flatnonzero(labels == c)) for c in range(classes)]
    drawn = np.concatenate([rows[: sizes[-1]] for rows in order])
    rest = np.flatnonzero(~np.isin(groups, groups[drawn]))
    if len(np.unique(labels[rest])) < 2:  # groups took nearly all
        rest = np.setdiff1d(np.arange(len(x)), drawn)
    scores = []
    for size in sizes:
        rows = np.concatenate([one[:size] for one in order])
        with warnings.catch_warnings():  # at one image per class it asks whether this is a regression
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model = LogisticRegression(C=1.0, max_iter=200).fit(x[rows], labels[rows])
        scores.append(balanced_accuracy(labels[rest], model.predict(x[rest]), classes))
    return scores


def _fit(
    sizes: Int[np.ndarray, " s"], error: Float[np.ndarray, " s"], at: Float[np.ndarray, " a"]
) -> Float[np.ndarray, " a"]:
    """The power law with least squares, a and b not negative, c from a grid; its values at `at`."""
    best: tuple[float, float, float, float] | None = None
    for c in EXPONENTS:
        power = sizes ** -float(c)
        spread = power - power.mean()
        b = max(0.0, float(spread @ error / (spread @ spread)))
        a = float(error.mean() - b * power.mean())
        if a < 0:
            a, b = 0.0, max(0.0, float(power @ error / (power @ power)))
        loss = float(np.square(a + b * power - error).sum())
        if best is None or loss < best[0]:
            best = loss, a, b, float(c)
    assert best is not None
    _, a, b, c = best
    return np.asarray(a + b * at**-c)
