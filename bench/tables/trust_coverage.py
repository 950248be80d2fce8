"""Coverage and size of conformal sets at 90 %, over 20 draws of 10 images per class.

On white blood cells every class is drawn alike, and 59 % of what is scored is of one class: coverage is promised as a
mean over classes there, and of all images where the sets are told how frequent the classes are (by the whole set's
counts, as a clinic would know them). The number of folds and the rule for sets by class were settled on draws 100 and
up, scored on images that these left unused.
"""

from bench.support.accuracy import run_sweep
from bench.support.options import Options
from bench.support.trust import HEADS, bare_cells, calibrated, cifar10_small, tell
from handful.core.recipe import Part

COVERAGE, DRAWS = 0.9, 20


def run(options: Options) -> None:
    """Both data sets, each with two heads on frozen features."""
    draws = range(2 if options.quick else DRAWS)
    sets = Part("conformal", {"coverage": COVERAGE})
    data = bare_cells(options.folder())
    known = Part("conformal", {"coverage": COVERAGE, "frequencies": tuple(data.counts.tolist())})
    wanted = [calibrated(name, sets, called=name) for name in HEADS]
    told = [calibrated(name, known, called=f"{name}, frequencies known") for name in HEADS]
    found = run_sweep("trust-coverage", [*wanted, *told], data, options, per_class=(10,), draws=draws)
    tell("trust-coverage", "white blood cells", found, options)
    found = run_sweep("trust-coverage", wanted, cifar10_small(options.folder()), options, per_class=(10,), draws=draws)
    tell("trust-coverage", "CIFAR-10", found, options)
