"""Time ratios within one run, with interleaved repetitions: other load on the machine affects all arms equally."""

import os
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.support.record import append

Times = dict[str, list[float]]


def take_turns(arms: Mapping[str, Callable[[], float]], *, repeats: int, warm: bool = True) -> Times:
    """Run every arm `repeats` times, one after the other, in turned order every second round.

    An arm returns its own cost (seconds, bytes), so that what it must not count stays out. With `warm` each runs once
    before.
    """
    for arm in arms.values() if warm else ():
        arm()
    costs: Times = {name: [] for name in arms}
    for i in range(repeats):
        for name in list(arms) if i % 2 == 0 else reversed(list(arms)):
            costs[name].append(arms[name]())
    return costs


@dataclass(frozen=True)
class Ratio:
    """Median, least and most of the ratios of one round each."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:6.3f}   ({self.least:.3f} to {self.most:.3f})"


def ratio(costs: Times, above: str, below: str) -> Ratio:
    """`above` over `below`, paired by round."""
    each = [a / b for a, b in zip(costs[above], costs[below], strict=True)]
    return Ratio(statistics.median(each), min(each), max(each))


def report(part: str, ratios: Mapping[str, Ratio], costs: Times, *, quick: bool, **facts: Any) -> None:
    """Print the ratios of a part, and add them to bench/results/speed.jsonl.

    `load` in the line is the machine's, the bench included: above the number of cores, the clock means little.
    """
    print(f"\n{part}   {', '.join(f'{k} {v}' for k, v in facts.items())}")
    for name, value in ratios.items():
        print(f"  {name:<58} {value}")
    line = {
        "part": part,
        **facts,
        "ratios": {k: [round(v.median, 4), round(v.least, 4), round(v.most, 4)] for k, v in ratios.items()},
        "medians": {k: float(f"{statistics.median(v):.4g}") for k, v in costs.items()},
        "load": round(os.getloadavg()[0], 1),
        "rounds": min(len(v) for v in costs.values()),
    }
    append("speed", line, quick=quick)
