"""Soft labels as printed (table 1): ResNet-18, CIFAR-10 at 50 per class, beside their baselines.

GloVe has 100 numbers here, the paper's 300. At 0.3, ours, beside the paper's temperature of 1. Then two draws of the
networks of table 3.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial, soft
from bench.support.data import cifar10
from handful.evaluation.evaluate import Protocol

BASE = "paper-soft-labels-cross-entropy"
PLAIN = {
    "cross-entropy": BASE,
    "label smoothing": "paper-soft-labels-label-smoothing",
    "random vectors": "paper-soft-labels-random",
}
SOURCES = {"MiniLM": "minilm", "GloVe": "glove"}
NETWORKS = {"ResNet-50": "resnet50", "VGG-16": "vgg16"}


def rows(folder: Path) -> Sequence[Row]:
    """Seven rows of five draws, and four of two."""
    five, two = Protocol(per_class=50), Protocol((0, 1), per_class=50)
    found = [Row(name, base, five) for name, base in PLAIN.items()]
    for temperature in (1.0, 0.3):
        for name, source in SOURCES.items():
            changes = (soft(folder, source, temperature),)
            found.append(Row(f"soft labels, {name}, temperature {temperature:g}", BASE, five, changes))
    for network, ending in NETWORKS.items():
        base = f"{BASE}-{ending}"
        found.append(Row(f"{network}, cross-entropy", base, two))
        found.append(Row(f"{network}, soft labels, MiniLM, temperature 1", base, two, (soft(folder, "minilm", 1.0),)))
    return found


TRIAL = Trial(
    "soft-labels-cifar10",
    "soft labels in ResNet-18 as printed, CIFAR-10 at 50 per class: 43 runs",
    ("cifar10.npz",),
    cifar10,
    rows,
    vectors=("minilm", "glove"),
)
