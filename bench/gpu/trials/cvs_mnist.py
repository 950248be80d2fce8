"""CvS as printed on MNIST (table I): WRN-28-10, three recipes under each other's augmentation, 1 and 5 per class.

The paper gives CvS turns, shifts and noise, and its controls crop and flip: both for all tells the method from the
augmentation.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial
from bench.support.data import mnist
from bench.tables.cvs_printed import AUGMENT, BASES
from handful.evaluation.evaluate import Protocol


def rows(folder: Path) -> Sequence[Row]:  # noqa: ARG001
    """Six rows at each number of images."""
    return [
        Row(f"{base}, {name}", base, Protocol((0, 1, 2), per_class=m), (augment,))
        for m in (1, 5)
        for base in BASES
        for name, augment in AUGMENT.items()
    ]


TRIAL = Trial(
    "cvs-mnist",
    "CvS as printed on MNIST, WRN-28-10, with each other's augmentation, 1 and 5 per class: 36 runs",
    ("mnist.npz",),
    mnist,
    rows,
)
