"""Confidence intervals of proportions, and of means over repeated runs."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


def wilson(right: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927, https://doi.org/10.2307/2276774).

    `right` may be a mean over repeats, and `n` an effective number of images.
    """
    from scipy import stats  # seconds on a busy machine

    z = float(stats.norm.ppf(0.5 + confidence / 2))
    share, square = right / n, z * z / n
    center = (share + square / 2) / (1 + square)
    half = z / (1 + square) * np.sqrt(share * (1 - share) / n + square / (4 * n))
    return max(0.0, float(center - half)), min(1.0, float(center + half))


def paired_interval(before: Bool[np.ndarray, " n"], after: Bool[np.ndarray, " n"]) -> tuple[float, float, float]:
    """Difference of two shares on the same n images, and its 95 % interval.

    Wald's interval with half an image added to each of the four cells (Agresti and Min 2005,
    https://doi.org/10.1002/sim.1781, section 3.2).
    """
    n = len(before)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    up, down, total = gained + 0.5, lost + 0.5, n + 2
    center = (up - down) / total
    half = Z * float(np.sqrt((up + down) - (up - down) ** 2 / total)) / total
    return (gained - lost) / n, max(-1.0, center - half), min(1.0, center + half)


def mean_interval(
    values: Float[np.ndarray, " j"], overlap: float = 0.0, *, center: float | None = None
) -> tuple[float, float, float]:
    """95 % interval of the mean of repeated runs, and the two-sided p that it is zero.

    Student's t over the runs. With `overlap` above 0, the corrected resampled t of Nadeau and Bengio 2003
    (https://doi.org/10.1023/A:1024068626366): the variance is multiplied by 1/J + overlap, not 1/J. An infinite overlap
    (every draw takes the whole pool) gives an infinite interval.
    `center` replaces the mean of the runs (folds scored together). NaN for fewer than two runs.
    """
    j = len(values)
    if j < 2:
        return np.nan, np.nan, np.nan
    mean = float(values.mean()) if center is None else center
    spread = float(values.std(ddof=1))
    error = spread * float(np.sqrt(1 / j + overlap)) if spread > 0 else 0.0
    if error < 1e-12:  # runs that agree to the last image
        return mean, mean, float(abs(mean) < 1e-12)
    from scipy import stats

    half = float(stats.t.ppf(0.975, j - 1)) * error
    return mean - half, mean + half, float(2 * stats.t.sf(abs(mean) / error, j - 1))


def score_interval(values: Float[np.ndarray, " j"], overlap: float, *, center: float) -> tuple[float, float]:
    """95 % interval of a mean score over repeated runs; NaN for one run, and for runs that agree.

    Runs that agree show no spread, which `mean_interval` takes for certainty: right of a difference of runs that are
    paired, wrong of a score.

    Args:
        values: the score of each run.
        overlap: of the runs, as of `handful.evaluation.design.overlap`.
        center: the mean score.
    """
    if len(values) < 2 or np.ptp(values) < 1e-12:
        return np.nan, np.nan
    low, high, _ = mean_interval(values, overlap, center=center)
    return low, high


def bootstrap(
    differences: Float[np.ndarray, "j n"],
    groups: Sequence[Int[np.ndarray, " _"]],
    resamples: int,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """95 % percentile interval of the mean difference, draws and test images both resampled with replacement.

    `differences` is NaN where a draw did not score an image. Images are resampled within each group, and the
    groups count alike: one group of all images for accuracy, one per class for balanced accuracy.
    """
    j = len(differences)
    scored = ~np.isnan(differences)
    filled = np.where(scored, differences, 0.0)
    draws = rng.multinomial(j, np.full(j, 1 / j), size=resamples).astype(np.float64)
    total = np.zeros(resamples)
    for group in groups:
        n = len(group)
        right, there = filled[:, group], scored[:, group].astype(np.float64)
        for start in range(0, resamples, 200):  # 200 at a time bounds the memory
            part = slice(start, min(start + 200, resamples))
            weights = rng.multinomial(n, np.full(n, 1 / n), size=part.stop - start)
            sums = ((draws[part] @ right) * weights).sum(axis=1)
            counts = ((draws[part] @ there) * weights).sum(axis=1)
            total[part] += sums / np.maximum(counts, 1)
    low, high = np.percentile(total / len(groups), [2.5, 97.5])
    return float(low), float(high)
