"""Scores of a study's trials by cross-validation: which images were right while they were held out, fold by fold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class FoldScore:
    """A fold of a trial: what `handful.comparison.held_out.held_out_values` says of it."""

    right: Float[np.ndarray, " n"]
    probability: float
    seconds: float


@dataclass(frozen=True, eq=False)
class TrialScores:
    """The folds of every trial, by its number, in the order in which they ran.

    Attributes:
        weights: of each fold's values, 1 in all, see `handful.comparison.held_out.held_out_weights`.
        folds: the folds of each trial that have run.
    """

    weights: Sequence[Float[np.ndarray, " _"]]
    folds: dict[int, list[FoldScore]] = field(default_factory=dict)

    def __contains__(self, number: int) -> bool:
        return number in self.folds

    def __iter__(self) -> Iterator[FoldScore]:
        """Every fold of every trial."""
        return (fold for folds in self.folds.values() for fold in folds)

    def of(self, number: int) -> Sequence[FoldScore]:
        """The folds of a trial that have run."""
        return self.folds.get(number, ())

    def add(self, number: int, score: FoldScore) -> None:
        """Add the next fold of a trial."""
        self.folds.setdefault(number, []).append(score)

    def seconds(self) -> float:
        """Seconds of all folds."""
        return sum(fold.seconds for fold in self)

    def share_right(self, number: int) -> float:
        """Share of a trial's held-out images that were right; the mean over classes where their sizes differ."""
        weights = np.concatenate(self.weights)
        return float(weights @ np.concatenate([fold.right for fold in self.folds[number]]))

    def score(self, number: int) -> float:
        """That share; ties are broken by the mean probability of the true class, which counts less than an image."""
        least = min(float(w.min()) for w in self.weights)
        folds = self.folds[number]
        sizes = [len(fold.right) for fold in folds]
        mean = float(np.average([fold.probability for fold in folds], weights=sizes))
        return self.share_right(number) + least / 2 * mean

    def gap(self, a: int, b: int, *, folds: int) -> tuple[float, float]:
        """Weighted mean and standard error of A's right answers minus B's, over the same images of the first folds."""
        pairs = zip(self.folds[a][:folds], self.folds[b][:folds], self.weights, strict=False)
        parts = [(w, x.right - y.right) for x, y, w in pairs]
        w, d = np.concatenate([w for w, _ in parts]), np.concatenate([d for _, d in parts])
        w = w / w.sum()
        mean = float(w @ d)
        return mean, float(np.sqrt((w**2) @ (d - mean) ** 2))
