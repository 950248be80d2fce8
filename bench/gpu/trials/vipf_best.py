"""Every rung of VIPF at the rate that was best on development draws (`vipf-rates`), 360 epochs as in the paper.

Ten classes of CIFAR-100 at 50 per class, draws 0 to 4, scored once on the test part.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.gpu.trial import Row, Trial
from bench.gpu.trials.vipf_rates import rung
from bench.support.data import cifar100_ten
from bench.support.record import RESULTS
from bench.tables.vipf_rates import DRAWS, RUNGS
from handful.errors import DataError
from handful.evaluation.evaluate import Protocol

RATES_LOG = RESULTS / "gpu-vipf-rates.jsonl"


def best_rates(log: Path) -> dict[str, float]:
    """The rate with the best mean accuracy of each rung, over rates that all development draws have scored.

    Raises:
        DataError: a rung has none.
    """
    scores: dict[str, dict[float, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for text in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        line = json.loads(text)
        name, _, rate = str(line["name"]).rpartition(", ")
        scores[name][float(rate)][line["draw"]] = line["accuracy"]
    best = {}
    for name in RUNGS:
        means = {r: float(np.mean([*d.values()])) for r, d in scores[name].items() if set(DRAWS) <= d.keys()}
        if not means:
            raise DataError(
                f"no rate of {name} has been scored on every development draw",
                where=log,
                remedy="run the trial vipf-rates first, and collect its lines.",
            )
        best[name] = max(means, key=means.__getitem__)
    return best


def rows(folder: Path) -> Sequence[Row]:
    """Every rung at its best rate."""
    protocol = Protocol(per_class=50)
    found = []
    for name, rate in best_rates(RATES_LOG).items():
        base, changes = rung(name, folder)
        found.append(Row(name, base, protocol, (*changes, f"lr={rate}", "epochs=360")))
    return found


TRIAL = Trial(
    "vipf-best",
    f"{len(RUNGS)} rungs of VIPF at their best rates, 360 epochs, five draws: {len(RUNGS) * 5} runs; after vipf-rates",
    ("cifar100.npz",),
    cifar100_ten,
    rows,
    vectors=("minilm",),
)
