"""Soft labels as printed (table 1): ResNet-18, all hundred classes of CIFAR-100 at 50 per class, three draws."""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial, soft
from bench.gpu.trials.soft_labels_cifar10 import BASE, PLAIN, SOURCES
from bench.support.data import cifar100
from handful.evaluation.evaluate import Protocol


def rows(folder: Path) -> Sequence[Row]:
    """Five rows at the paper's temperature of 1."""
    three = Protocol((0, 1, 2), per_class=50)
    plain = [Row(name, base, three) for name, base in PLAIN.items()]
    return plain + [Row(f"soft labels, {n}", BASE, three, (soft(folder, s, 1.0),)) for n, s in SOURCES.items()]


TRIAL = Trial(
    "soft-labels-cifar100",
    "soft labels in ResNet-18 as printed, all hundred classes of CIFAR-100 at 50 per class: 15 runs",
    ("cifar100.npz",),
    cifar100,
    rows,
    vectors=("minilm", "glove"),
)
