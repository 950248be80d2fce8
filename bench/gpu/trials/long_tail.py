"""Long tails as printed (table 4): ResNet-18, CIFAR-10 at ratios of 10 and 100, 500 images in the largest class.

The paper's largest class has 5,000. Which class is large is drawn anew with each draw.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial, soft
from bench.support.data import cifar10
from handful.evaluation.evaluate import Protocol

BASE = "paper-soft-labels-cross-entropy"
FOCAL = 'stages.0.losses=[{name="class_balanced_focal",beta=0.9999,gamma=1.0}]'
SCALE = 30  # of LDAM's cosines, the paper's
DRW = 'stages.0.losses=[{{name="ldam"{0},stop=0.8}},{{name="ldam"{0},reweight="effective",start=0.8}}]'
COSINE = f'head={{name="cosine",scale={SCALE},norm="none"}}'


def methods(folder: Path) -> dict[str, tuple[str, ...]]:
    """Each row's changes to cross-entropy."""
    return {
        "cross-entropy": (),
        "resample": ('stages.0.sampler="balanced"',),
        "reweight": ('stages.0.losses=[{name="cross_entropy",reweight="inverse"}]',),
        "class-balanced focal": (FOCAL,),
        "LDAM-DRW": (COSINE, DRW.format(f",scale={SCALE}")),
        "balanced softmax": ('stages.0.losses=[{name="balanced_softmax"}]',),
        "soft labels": (soft(folder, "minilm", 1.0),),
        "soft labels, class-balanced focal": (soft(folder, "minilm", 1.0), FOCAL),
        "soft labels, LDAM-DRW": (soft(folder, "minilm", 1 / SCALE), DRW.format("")),
    }


def rows(folder: Path) -> Sequence[Row]:
    """Nine rows at each ratio."""
    return [
        Row(name, BASE, Protocol(per_class=500, long_tail=ratio, tail_order="seeded"), changes)
        for ratio in (100.0, 10.0)
        for name, changes in methods(folder).items()
    ]


TRIAL = Trial(
    "long-tail",
    "long tails in ResNet-18, CIFAR-10 at ratios of 10 and 100, five draws: 90 runs",
    ("cifar10.npz",),
    cifar10,
    rows,
    vectors=("minilm",),
)
