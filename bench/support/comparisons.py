"""Whole comparisons as tables: `handful compare` on named recipes, with the budget of ten minutes a task."""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.support.accuracy import PREDICTIONS
from bench.support.options import Options
from bench.support.record import RESULTS, machine
from handful.comparison.candidates import role_of
from handful.comparison.compare import compare
from handful.comparison.plan import VALUES
from handful.comparison.result import CandidateRecipe
from handful.comparison.text import format_comparison
from handful.core.dataset import Dataset
from handful.evaluation.annotation_cost import PAPER
from handful.evaluation.evaluate import Protocol
from handful.recipes.load import load_recipe

BUDGET = 600.0  # seconds of tuning


def run_comparison(
    table: str,
    wanted: Mapping[str, Sequence[str]],
    data: Dataset,
    options: Options,
    *,
    per_class: Sequence[int | None],
    folds: int | None = None,
) -> None:
    """Compare recipes (name to overrides), print what comes of it, and keep its values beside the other results.

    Runs, studies and the page stay in bench/predictions, so that the same command goes on. `quick`: four steps, one
    draw, nothing tuned, nothing kept.
    """
    quick = ("steps=4",) if options.quick else ()
    recipes = [replace(load_recipe(name, overrides=(*own, *quick)), name=name) for name, own in wanted.items()]
    candidates = [CandidateRecipe(name, role_of(name), True, "requested") for name in wanted]
    draws = tuple(range(1 if options.quick or folds is not None else options.draws))
    kept = PREDICTIONS / table
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, table) if options.quick else kept
        outcome = compare(
            recipes,
            data,
            folder,
            trials=1 if options.quick else None,
            seconds=None if options.quick else BUDGET,
            per_class=per_class[:1] if options.quick else per_class,
            protocol=Protocol(draws, folds=folds),
            candidates=candidates,
            times=PAPER["cifar10"],
            jobs=options.jobs,
            on_message=print,
        )
        print(format_comparison(outcome, width=shutil.get_terminal_size((100, 40)).columns))
        if not options.quick:
            values = json.loads((folder / VALUES).read_text(encoding="utf-8"))
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps({"table": table, "machine": machine(), **values}, indent=1, ensure_ascii=False)
            (RESULTS / f"{table}.json").write_text(text + "\n", encoding="utf-8")
