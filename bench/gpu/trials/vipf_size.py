"""VIPF at a size that means something: DSK-ResNeXt-50 against ResNeXt-50, all hundred classes of CIFAR-100 at 50.

360 epochs with the paper's rate for batches of 64; images of 32 pixels, so the stem keeps their size. Minutes a run: a
pair in each borrowing, then a pair with all of VIPF's losses in both readings of their weights.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial, tree
from bench.support.data import cifar100
from handful.evaluation.evaluate import Protocol

SMALL = ("image_size=[32, 32]", 'backbone.stem="small"')


def rows(folder: Path) -> Sequence[Row]:
    """The pair, draw by draw; the rows with VIPF's losses get draw 0."""
    three, one = Protocol((0, 1, 2), per_class=50), Protocol((0,), per_class=50)
    carried = (*SMALL, tree(folder))
    return (
        Row("ResNeXt-50", "paper-vipf-resnext50", three, SMALL),
        Row("DSK-ResNeXt-50", "paper-vipf-resnext50-dsk", three, SMALL),
        Row("VIPF, printed weights", "paper-vipf-dsk50", one, carried),
        Row("VIPF, swapped weights", "paper-vipf-dsk50-swapped", one, carried),
    )


TRIAL = Trial(
    "vipf-size",
    "DSK-ResNeXt-50 against ResNeXt-50, hundred classes, 360 epochs: a pair of runs a borrowing, eight in all",
    ("cifar100.npz",),
    cifar100,
    rows,
    vectors=("minilm",),
)
