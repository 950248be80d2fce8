"""Pictures that are far less sharp than the others of their class.

Sharpness is the variance of the Laplacian (Pech-Pacheco et al. 2000, https://doi.org/10.1109/ICPR.2000.903548) over
that of the gray values, at a common size. What is usual differs from set to set, so it is measured there.
"""

import numpy as np

from handful.data.finding import Finding
from handful.inspection.measurements import Measurements

RANK = 7
DEVIATIONS = 4.0  # robust standard deviations below the class's median
LESS = np.log(6.0)  # and so many times less sharp
FEWEST = 8


def find(measurements: Measurements) -> tuple[Finding, ...]:
    """Finding "blurred"."""
    sharp = measurements.statistics.sharpness
    which = np.zeros(len(sharp), dtype=bool)
    for label in np.unique(measurements.labels):
        rows = np.flatnonzero((measurements.labels == label) & ~np.isnan(sharp))
        if len(rows) >= FEWEST:
            below = np.median(sharp[rows]) - sharp[rows]
            usual = 1.4826 * np.median(np.abs(below))
            which[rows] = (below > DEVIATIONS * usual) & (below > LESS)
    if not which.any():
        return ()
    order = np.flatnonzero(which)[np.argsort(sharp[which], kind="stable")]
    pictures = "picture is" if len(order) == 1 else "pictures are"
    return (
        Finding(
            "blurred",
            "warning",
            f"{len(order)} {pictures} far less sharp than the class's others",
            tuple((measurements.data.samples[i].id,) for i in order),
            "look at them: take them again, or keep them if such pictures will come in use too",
        ),
    )
