"""Long tails as printed (table 4): ResNet-18, CIFAR-10 at ratios of 10 and 100, 500 images in the largest class.

The paper's largest class has 5,000. Which class is large is drawn anew with each draw.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial, soft
from bench.support.data import cifar10
from handful.evaluation.evaluate import Protocol

CONTROL = "paper-soft-labels-cross-entropy"
SCALE = 30  # of LDAM's cosines


def methods(folder: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Each row's recipe and what it changes: vectors of MiniLM in place of GloVe's 300 numbers, which are not here."""
    return {
        "cross-entropy": (CONTROL, ()),
        "resample": ("paper-long-tail-resample", ()),
        "reweight": ("paper-long-tail-reweight", ()),
        "class-balanced focal": ("paper-long-tail-focal", ()),
        "LDAM": ("paper-long-tail-ldam", ()),
        "LDAM-DRW": ("paper-long-tail-ldam-drw", ()),
        "balanced softmax": (CONTROL, ('stages.0.losses=[{name="balanced_softmax"}]',)),
        "soft labels": (CONTROL, (soft(folder, "minilm", 1.0),)),
        "soft labels, class-balanced focal": ("paper-long-tail-soft-focal", (soft(folder, "minilm", 1.0),)),
        "soft labels, LDAM-DRW": ("paper-long-tail-soft-ldam-drw", (soft(folder, "minilm", 1 / SCALE),)),
    }


def rows(folder: Path) -> Sequence[Row]:
    """Ten rows at each ratio."""
    return [
        Row(name, base, Protocol(per_class=500, long_tail=ratio, tail_order="seeded"), changes)
        for ratio in (100.0, 10.0)
        for name, (base, changes) in methods(folder).items()
    ]


TRIAL = Trial(
    "long-tail",
    "long tails in ResNet-18, CIFAR-10 at ratios of 10 and 100, five draws: 100 runs",
    ("cifar10.npz",),
    cifar10,
    rows,
    vectors=("minilm",),
)
