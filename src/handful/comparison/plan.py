"""The plan of a comparison, stored in its folder: the same comparison is resumed, another one is refused."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handful.comparison.result import TuningBudget
from handful.comparison.search_space import search_fingerprint
from handful.core.files import existing, is_clutter, refuse_foreign, write_atomically
from handful.core.parsing import read_json
from handful.core.recipe import Recipe
from handful.evaluation.evaluate import Protocol
from handful.recipes.renamed import stored_name
from handful.reports.gallery import SHOWN

PLAN, STUDIES, LOG, VALUES, PAGE = "plan.json", "studies.db", "results.jsonl", "comparison.json", "report.html"
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


def claim_folder(folder: Path, plan: dict[str, Any], *, ours: Sequence[str] = OURS, overwrite: bool) -> None:
    """Write the plan into its folder. Files of the same plan are kept, those of another one deleted if `overwrite`.

    Args:
        folder: it need not exist.
        plan: what two runs must have in common to be the same one.
        ours: the entries that may be in the folder, the plan's among them.
        overwrite: delete the files of another plan.

    Raises:
        OutputError: the folder holds something else.
    """
    path = folder / PLAN
    refuse_foreign(folder, ours=ours)
    entries = [e for e in sorted(folder.iterdir()) if not is_clutter(e)] if folder.exists() else []
    before = None
    if path.exists():
        try:
            before = read_json(path)
        except ValueError:
            before = {}
    if before == plan:
        return
    if entries and not overwrite:
        previous = before if isinstance(before, dict) else {}
        raise existing(folder, differs=[key for key in plan if previous.get(key) != plan[key]])
    for entry in entries:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    with write_atomically(path) as draft:
        draft.write_text(json.dumps(plan, indent=1), encoding="utf-8")


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
