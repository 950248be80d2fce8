"""Correction of p values for multiple testing (Holm 1979, https://www.jstor.org/stable/4615733)."""

import math
from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values, each at most 1; NaN stays NaN and is not counted as a test."""
    ascending = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted, largest = [math.nan] * len(p_values), 0.0
    for rank, (p, i) in enumerate(ascending):
        largest = max(largest, min(1.0, (len(ascending) - rank) * p))
        adjusted[i] = largest
    return adjusted
