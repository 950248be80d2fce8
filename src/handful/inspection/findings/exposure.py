"""Pictures with nothing to see: blank, dark or washed out."""

from collections.abc import Sequence

import numpy as np

from handful.core.dataset import Sample
from handful.data.finding import Finding
from handful.data.pixel_range import is_deep
from handful.errors import option
from handful.inspection.measurements import Measurements
from handful.inspection.near_duplicates import blank_images

RANK = 6
DARK, WASHED_OUT = 40.0, 215.0  # gray values 0..255: nearly all pixels are below, above


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Findings "blank", "dark" and "washed out"; each picture is in one at most."""
    gray = measurements.statistics.gray.reshape(len(measurements.statistics), -1)
    if not len(gray):
        return ()
    low, high = np.percentile(gray, [1, 99], axis=1)
    blank = blank_images(measurements.statistics)
    ways = (
        ("blank", blank, "the same color all over"),
        ("dark", ~blank & (high < DARK), "nearly black all over"),
        ("washed out", ~blank & (low > WASHED_OUT), "nearly white all over"),
    )
    return tuple(
        Finding(
            kind,
            "warning",
            f"{which.sum()} {'picture is' if which.sum() == 1 else 'pictures are'} {text}",
            tuple((measurements.data.samples[i].id,) for i in np.flatnonzero(which)),
            _remedy([measurements.data.samples[i] for i in np.flatnonzero(which)]),
        )
        for kind, which, text in ways
        if which.any()
    )


def _remedy(samples: Sequence[Sample]) -> str:
    again = "take them again, or leave them out"
    if not any(map(is_deep, samples)):
        return again
    return f"name the values of 16-bit images ({option('bit_depth', 'N')} or {option('window', 'LOW,HIGH')}); {again}"
