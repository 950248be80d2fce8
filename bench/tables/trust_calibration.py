"""Calibration before and after temperature scaling, at 1, 2, 5 and 10 images per class of CIFAR-10; five draws.

Heads fitted to frozen features choose a temperature of their own; the network that is trained does not.
"""

from bench.support.accuracy import run_sweep
from bench.support.options import Options
from bench.support.trust import calibrated, cifar10_small, tell
from handful.core.recipe import Part

NAME = "classification-lite0"


def run(options: Options) -> None:
    """The same recipe with and without the part."""
    data = cifar10_small(options.folder())
    wanted = [
        calibrated(NAME, called=NAME, quick=options.quick),
        calibrated(NAME, Part("temperature"), called=f"{NAME}, tempered", quick=options.quick),
        calibrated("logistic-lite0", called="logistic-lite0"),
        calibrated("nearest-centroid-lite0", called="nearest-centroid-lite0"),
    ]
    found = run_sweep("trust-calibration", wanted, data, options, per_class=(1, 2) if options.quick else (1, 2, 5, 10))
    tell("trust-calibration", "CIFAR-10", found, options)
