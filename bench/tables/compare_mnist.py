"""Comparison of methods on MNIST at five per class: random weights with and without masks, frozen features, pixels."""

from bench.support.comparisons import run_comparison
from bench.support.data import mnist
from bench.support.options import Options

NAMES = (
    "nearest-centroid-lite0",
    "logistic-lite0",
    "logistic-pixels",
    "classification-lite0",
    "classification-wrn",
    "cvs-wrn",
    "cvs-joint-wrn",
    "multitask-wrn",
    "small-ensemble-wrn",
)


def run(options: Options) -> None:
    """Every control beside the methods."""
    run_comparison("compare-mnist", dict.fromkeys(NAMES, ()), mnist(options.folder()), options, per_class=(5,))
