"""CvS, its joint form, classification and the head without masks on CIFAR-10: 5, 10 and 50 per class.

WRN-16-2 as in the table `cvs-cifar`, at its 1,000 steps and at the recipes' 3,000; masks by GrabCut and a Seg-10.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial
from bench.support.data import cifar10
from bench.tables.cvs_cifar import CONTROL, MASKLESS, NATURAL, NO_MASKS, SEEDS
from handful.evaluation.evaluate import Protocol

FORMS = {
    CONTROL: (CONTROL, ()),
    "cvs-wrn": ("cvs-wrn", (SEEDS,)),
    "cvs-joint-wrn": ("cvs-joint-wrn", (SEEDS,)),
    MASKLESS: ("cvs-wrn", NO_MASKS),
}


def rows(folder: Path) -> Sequence[Row]:  # noqa: ARG001
    """Four forms at two lengths and three numbers of images."""
    return [
        Row(f"{name}, {steps:,} steps", base, Protocol(per_class=m), (NATURAL, f"steps={steps}", *changes))
        for steps in (1000, 3000)
        for m in (5, 10, 50)
        for name, (base, changes) in FORMS.items()
    ]


TRIAL = Trial(
    "cvs-cifar",
    "CvS's own loss, its joint form, classification and the head without masks on CIFAR-10: 120 runs",
    ("cifar10.npz",),
    cifar10,
    rows,
)
