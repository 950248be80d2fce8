"""Run time of `handful --help` compared with an empty Python process."""

import subprocess
import sys
from functools import partial

from bench.support.jobs import wall_seconds
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options

HELP = (sys.executable, "-m", "handful", "--help")
NOTHING = (sys.executable, "-c", "pass")


def run(options: Options) -> None:
    """Seconds on the clock, each in a new process."""

    def answer(command: tuple[str, ...]) -> None:
        subprocess.run(command, check=True, capture_output=True)

    if subprocess.run(HELP, capture_output=True).returncode:
        print("\nhelp: skipped, the command line does not run here")
        return
    arms = {name: partial(wall_seconds, partial(answer, c)) for name, c in (("help", HELP), ("nothing", NOTHING))}
    costs = take_turns(arms, repeats=1 if options.quick else 15)
    report("help", {"handful --help / python -c pass": ratio(costs, "help", "nothing")}, costs, quick=options.quick)
    print(f"  fastest answer {min(costs['help']):.2f} s, empty Python {min(costs['nothing']):.2f} s")
