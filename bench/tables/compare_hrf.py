"""Comparison of methods on 45 fundus photographs of three classes with hand-drawn vessels, five folds."""

from bench.support.comparisons import run_comparison
from bench.support.data import hrf
from bench.support.options import Options
from bench.tables.cvs_hrf import NAMES, SMALLER

HEADS = ("nearest-centroid-lite0", "logistic-lite0")


def run(options: Options) -> None:
    """Controls, CvS and multi-task; settings of cvs-hrf."""
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys(HEADS, ("image_size=[256, 256]",))
    wanted |= dict.fromkeys(NAMES, SMALLER)
    run_comparison("compare-hrf", wanted, hrf(options.folder()), options, per_class=(None,), folds=5)
