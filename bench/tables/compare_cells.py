"""Comparison of methods on white blood cells, with at most five hand masks per class, propagated by a Seg-5."""

from bench.support.comparisons import run_comparison
from bench.support.data import cells_once
from bench.support.options import Options
from bench.tables.cvs_cells import NAMES, PROPAGATE, SETTINGS

HEADS = ("nearest-centroid-lite0", "logistic-lite0")


def run(options: Options) -> None:
    """Controls, CvS in both forms, multi-task and soft labels at 5 and 10 per class."""
    data = cells_once(options.folder())
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys(HEADS, ("image_size=[96, 96]",))
    wanted |= dict.fromkeys(("classification-lite0", "soft-labels-lite0"), SETTINGS)
    wanted |= dict.fromkeys(NAMES, (*SETTINGS, PROPAGATE))
    run_comparison("compare-cells", wanted, data, options, per_class=(5, 10))
