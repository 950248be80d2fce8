"""Consistency on unlabelled images from random weights: CIFAR-10 at 5 and 50 per class, the rest unlabelled.

WRN-16-2, 10,000 steps of 16 labelled and 112 other images: a hundredth of FixMatch's. Controls: as many labelled steps
with the same augmentation, labels that such a network gives to all others, UDA with a second view as weak as the first,
and cross-entropy with four times the steps for label augmentation, which needs no unlabelled image.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial
from bench.support.data import cifar10
from bench.tables.cvs_cifar import NATURAL
from bench.tables.semi_supervised import CONTROL, WEAK
from handful.evaluation.evaluate import Protocol

STEPS, TURNED = 10_000, 3000
METHODS = {
    "cross-entropy": ("classification-wrn", CONTROL),
    "all labelled by cross-entropy": ("self-training-wrn", CONTROL),
    "FixMatch": ("fixmatch-wrn", ()),
    "FixMatch, aligned": ("fixmatch-wrn", ("stages.0.losses.1.align=true",)),
    "ShrinkMatch": ("shrink-match-wrn", ()),
    "UDA": ("uda-wrn", ()),
    "UDA, weak second view": ("uda-wrn", (f"stages.0.views.0.augment={WEAK}",)),
}
WITHOUT = {"cross-entropy, four times the steps": ("classification-wrn", 4), "label augmentation": ("sla-wrn", 1)}


def rows(folder: Path) -> Sequence[Row]:  # noqa: ARG001
    """Seven rows at two sizes, and two that need no unlabelled image at fifty per class; three draws."""
    draws = tuple(range(3))
    own = [
        Row(
            name,
            base,
            Protocol(per_class=m, draws=draws, unlabelled="rest"),
            (f"steps={STEPS}", *changes),
        )
        for m in (50, 5)
        for name, (base, changes) in METHODS.items()
    ]
    turned = [
        Row(name, base, Protocol(per_class=50, draws=draws), (NATURAL, f"steps={times * TURNED}"))
        for name, (base, times) in WITHOUT.items()
    ]
    return [*own, *turned]


TRIAL = Trial(
    "semi-supervised",
    "FixMatch, UDA, ShrinkMatch and label augmentation from random weights on CIFAR-10: 48 runs",
    ("cifar10.npz",),
    cifar10,
    rows,
)
