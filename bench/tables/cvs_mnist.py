"""CvS, Table I, on MNIST from scratch: WRN-16-2, binarized masks, 1 to 25 images per class, and two plain controls.

The test part is scored once, on draws 0 to 4; everything in the recipes was chosen on draws 100 and up, scored on
training images that those draws left unused.
"""

from bench.support.accuracy import PREDICTIONS, RawPixels, plain_recipe, recipes, run_sweep, show
from bench.support.data import mnist
from bench.support.options import Options
from bench.support.record import RESULTS
from handful.evaluation.evaluate import Protocol, sweep

NAMES = (("classification-wrn", "cvs-wrn", "cvs-joint-wrn"), ("multitask-wrn",))  # in this order
PER_CLASS = (1, 5, 10, 25)


def run(options: Options) -> None:
    """Four networks and raw-pixel logistic regression on the same draws."""
    data = mnist(options.folder())
    per_class = (1,) if options.quick else PER_CLASS
    pixels = sweep(
        [plain_recipe("raw-pixel logistic regression", (28, 28))],
        data,
        per_class=per_class,
        protocol=Protocol(draws=tuple(range(options.draws))),
        log=None if options.quick else RESULTS / "cvs-mnist.jsonl",
        predictions=PREDICTIONS / "cvs-mnist",
        trainer=RawPixels,
    )
    networks = []
    for names in NAMES:
        networks += run_sweep("cvs-mnist", recipes(names, options), data, options, per_class=per_class)
    show([*pixels, *networks], control="classification-wrn")
