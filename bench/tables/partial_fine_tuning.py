"""Partial fine-tuning compared with fine-tuning all layers and with logistic regression on frozen features.

CIFAR-10 at 5 images per class, 100 test images of each class, the draws and test images of `general-tools`. Frozen
stages, views and steps were chosen on development draws of the training part.
"""

from bench.support.accuracy import recipes, run_sweep, show
from bench.support.options import Options
from bench.support.trust import cifar10_small

NAMES = ("logistic", "partial-fine-tuning", "fine-tuned")
PER_CLASS = (5,)


def run(options: Options) -> None:
    """The three recipes on the same draws, the cheapest first; a run's seconds are in the log."""
    data = cifar10_small(options.folder())
    wanted = recipes(NAMES[1:], options)
    results = run_sweep(
        "partial-fine-tuning", [*recipes(NAMES[:1], Options()), *wanted], data, options, per_class=PER_CLASS
    )
    show(results, control=NAMES[0])
