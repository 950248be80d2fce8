"""The plan of a comparison: what it is identified by, the files of its folder, and a sentence about it."""

from collections.abc import Sequence
from typing import Any

from handful.comparison.result import TuningBudget
from handful.comparison.search_space import search_fingerprint
from handful.core.plan_file import PLAN
from handful.core.recipe import Recipe
from handful.evaluation.evaluate import Protocol
from handful.recipes.renamed import stored_name
from handful.reports.gallery import SHOWN

STUDIES, LOG, VALUES, PAGE = "studies.db", "results.jsonl", "comparison.json", "report.html"
OURS = (PLAN, STUDIES, f"{STUDIES}-wal", f"{STUDIES}-shm", LOG, "results-predictions", VALUES, PAGE, SHOWN)


def make_plan(
    recipes: Sequence[Recipe],
    protocols: Sequence[Protocol],
    budget: TuningBudget,
    data: str,
    trainer: str,
    controls: bool,
) -> dict[str, Any]:
    """What two comparisons must have in common to be the same one."""
    first = protocols[0]
    return {
        "data": data,
        "recipes": {stored_name(r.name): search_fingerprint(r) for r in recipes},
        "images per class": [protocol.per_class for protocol in protocols],
        "draws": list(first.draws),
        "folds": first.folds,
        "scored on": first.score_on,
        "trials": budget.trials,
        "budget in seconds": budget.seconds,
        "jobs": None if budget.seconds is None else budget.jobs,
        "controls": controls,
        "trainer": trainer,
    }


def describe_plan(recipes: int, runs_to_score: int, tuned: int, budget: TuningBudget) -> str:
    """A sentence about what is going to be done."""
    runs = f"{recipes} recipes, {runs_to_score} runs to score"
    if not tuned:
        return f"{runs}; nothing is tuned."
    if budget.share is not None and budget.seconds is not None:
        spent = f"{budget.share:.0f} s of training for each, about {budget.seconds / 60:.0f} min in all"
    else:
        spent = f"{budget.trials} trials each"
    return f"{runs}; before that, {tuned} tuning studies ({spent}). Ctrl-C stops; the same command resumes."
