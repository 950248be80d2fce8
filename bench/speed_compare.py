"""`handful compare` on two cores against one: the whole command, imports, tuning, final runs and the page included."""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from bench.measure import ratio, report, take_turns
from bench.options import Options

RECIPES = ("classification-wrn", "cvs-wrn")


def run(options: Options) -> None:
    """Seconds on the clock of the same comparison; one thread for each core that the process may use."""
    draws, steps = (2, 2) if options.quick else (4, 100)
    arms = {f"{cores} core{'s' * (cores > 1)}": partial(_seconds, cores, draws, steps) for cores in (1, 2)}
    costs = take_turns(arms, repeats=1 if options.quick else 2)
    ratios = {"one core / two cores": ratio(costs, "1 core", "2 cores")}
    report("compare", ratios, costs, quick=options.quick, draws=draws, steps=steps, trials=2, clock="wall")


def _seconds(cores: int, draws: int, steps: int) -> float:
    named = [word for name in RECIPES for word in ("--recipe", name)]
    with tempfile.TemporaryDirectory() as scratch:
        words = (
            sys.executable, "-m", "handful", "compare", "digits", *named, "--no-controls", "--per-class", "10",
            "--draws", str(draws), "--trials", "2", "--set", f"steps={steps}", "--out", str(Path(scratch) / "compare"),
            "--jobs", str(cores),
        )  # fmt: skip
        start = time.perf_counter()
        subprocess.run(words, check=True, capture_output=True, preexec_fn=partial(_keep_to, cores))
        return time.perf_counter() - start


def _keep_to(cores: int) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
