"""Speed-up of `handful compare` on two cores over one: of the whole command, and of its throughput after start-up.

Throughput is what a longer comparison takes more than a shorter one: imports and starting processes cancel out.
"""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.support.measure import Times, ratio, report, take_turns
from bench.support.options import Options

RECIPES = ("classification-wrn", "cvs-wrn")


def run(options: Options) -> None:
    """Seconds on the clock of two comparisons; one thread for each core that the process may use."""
    draws, steps = ((1, 2), 2) if options.quick else ((2, 8), 100)
    arms = {_arm(cores, n): partial(_seconds, cores, n, steps) for n in draws for cores in (1, 2)}
    _seconds(1, 1, 2)  # so that files are in memory
    costs = take_turns(arms, repeats=1 if options.quick else 2, warm=False)
    costs |= {f"{_cores(n)}, more": _more(costs, n, draws) for n in (1, 2)}
    ratios = {
        "throughput, two cores / one": ratio(costs, "1 core, more", "2 cores, more"),
        f"whole command of {draws[1]} draws, one core / two": ratio(costs, _arm(1, draws[1]), _arm(2, draws[1])),
    }
    report("compare", ratios, costs, quick=options.quick, draws=draws, steps=steps, trials=2, clock="wall")


def _cores(number: int) -> str:
    return f"{number} core{'s' * (number > 1)}"


def _arm(cores: int, draws: int) -> str:
    return f"{_cores(cores)}, {draws} draws"


def _more(costs: Times, cores: int, draws: tuple[int, int]) -> list[float]:
    few, many = (costs[_arm(cores, n)] for n in draws)
    return [b - a for a, b in zip(few, many, strict=True)]


def _seconds(cores: int, draws: int, steps: int) -> float:
    named = [word for name in RECIPES for word in ("--recipe", name)]
    with tempfile.TemporaryDirectory() as scratch:
        words = (
            sys.executable,
            "-m",
            "handful",
            "compare",
            "digits",
            *named,
            "--no-controls",
            "--per-class",
            "10",
            "--draws",
            str(draws),
            "--trials",
            "2",
            "--set",
            f"steps={steps}",
            "--out",
            str(Path(scratch) / "compare"),
            "--jobs",
            str(cores),
        )
        start = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True, preexec_fn=partial(_keep_to, cores))
        return time.perf_counter() - start


def _keep_to(cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
