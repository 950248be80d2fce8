"""Oriented gradients on MNIST, beside raw pixels and the frozen features of the embedded network.

Power, cells, orientations and warps were chosen on draws 100 to 105 of the embedded 5,000 digits; the test part of
MNIST is scored on draws 0 to 4 only. An earlier version (no power, weaker warps) was scored there at one image per
class.
"""

from bench.support.accuracy import run_sweep, show
from bench.support.data import mnist
from bench.support.options import Options
from handful.recipes.load import load_recipe

NAMES = ("logistic-pixels", "logistic-lite0", "logistic-hog")
PER_CLASS = (1, 5, 10, 25)


def run(options: Options) -> None:
    """Seconds a run, but for the 9,786 test images' pass through the network (`HANDFUL_CACHE`)."""
    per_class = (1,) if options.quick else PER_CLASS
    results = run_sweep(
        "hog-mnist", list(map(load_recipe, NAMES)), mnist(options.folder()), options, per_class=per_class
    )
    show(results, control="logistic-pixels")
