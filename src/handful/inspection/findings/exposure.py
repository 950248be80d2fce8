"""Pictures with nothing to see: blank, dark or washed out."""

import numpy as np

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements
from handful.inspection.near_duplicates import flat

DARK, WASHED_OUT = 40.0, 215.0  # grey values 0..255: nearly all pixels are below, above


def find(facts: Measurements) -> tuple[Finding, ...]:
    """Findings "blank", "dark" and "washed out"; each picture is in one at most."""
    grey = facts.measures.grey.reshape(len(facts.measures), -1)
    if not len(grey):
        return ()
    low, high = np.percentile(grey, [1, 99], axis=1)
    blank = flat(facts.measures)
    ways = (
        ("blank", blank, "the same colour all over"),
        ("dark", ~blank & (high < DARK), "nearly black all over"),
        ("washed out", ~blank & (low > WASHED_OUT), "nearly white all over"),
    )
    return tuple(
        Finding(
            kind,
            "warning",
            f"{which.sum()} {'picture is' if which.sum() == 1 else 'pictures are'} {text}",
            tuple((facts.data.samples[i].id,) for i in np.flatnonzero(which)),
            "take them again, or leave them out",
        )
        for kind, which, text in ways
        if which.any()
    )
