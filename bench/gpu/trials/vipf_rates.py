"""Learning rates 0.1 to 0.003 for every rung of VIPF, 60 epochs, development draws: the table `vipf-rates` on a card.

Ten classes of CIFAR-100 at 50 per class, scored on the 500 images that a draw leaves; no test image is read.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial, tree
from bench.support.data import cifar100_ten
from bench.tables.vipf_rates import DRAWS, RATES, RUNGS
from handful.evaluation.evaluate import Protocol


def rung(name: str, folder: Path) -> tuple[str, tuple[str, ...]]:
    """Base and changes of a rung, its tree from the carried vectors."""
    base, changes = RUNGS[name]
    return base, (*changes, tree(folder)) if base.startswith("vipf") else changes


def rows(folder: Path) -> Sequence[Row]:
    """Every rung at every rate."""
    protocol = Protocol(DRAWS, per_class=50, score_on="rest")
    found = []
    for name in RUNGS:
        base, changes = rung(name, folder)
        found += [Row(f"{name}, {rate:g}", base, protocol, (*changes, f"lr={rate}")) for rate in RATES]
    return found


TRIAL = Trial(
    "vipf-rates",
    f"rates for {len(RUNGS)} rungs of VIPF on development draws: {len(RUNGS) * len(RATES) * len(DRAWS)} runs",
    ("cifar100.npz",),
    cifar100_ten,
    rows,
    vectors=("minilm",),
)
