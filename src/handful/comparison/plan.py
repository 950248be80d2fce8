"""The plan of a comparison: kept in its folder, so that the same one goes on and another one is refused."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handful.comparison.result import TuningBudget
from handful.comparison.search_space import search_fingerprint
from handful.core.recipe import Recipe
from handful.errors import OutputError
from handful.evaluation.evaluate import Protocol
from handful.reports.gallery import SHOWN

PLAN, STUDIES, LOG, VALUES, PAGE = "plan.json", "studies.db", "results.jsonl", "comparison.json", "report.html"
OURS = (PLAN, STUDIES, f"{STUDIES}-wal", f"{STUDIES}-shm", LOG, "results-predictions", VALUES, PAGE, SHOWN)


def make_plan(
    recipes: Sequence[Recipe], levels: Sequence[Protocol], budget: TuningBudget, data: str, trainer: str, controls: bool
) -> dict[str, Any]:
    """What makes two comparisons the same."""
    first = levels[0]
    return {
        "data": data,
        "recipes": {r.name: search_fingerprint(r) for r in recipes},
        "images per class": [level.per_class for level in levels],
        "draws": list(first.draws),
        "folds": first.folds,
        "scored on": first.score_on,
        "trials": budget.trials,
        "budget in seconds": budget.seconds,
        "jobs": None if budget.seconds is None else budget.jobs,
        "controls": controls,
        "trainer": trainer,
    }


def claim_folder(folder: Path, plan: dict[str, Any], *, overwrite: bool) -> None:
    """Take the folder for this plan, or go on with the same one in it.

    Raises:
        OutputError: it holds something else.
    """
    path = folder / PLAN
    held = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else [folder.name] if folder.exists() else []
    foreign = [name for name in held if not folder.is_dir() or name not in OURS]
    if foreign:
        raise OutputError(
            f"this exists and holds other things ({foreign[0]})", where=folder, remedy="choose another folder (--out)."
        )
    before = None
    if path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError:
            before = {}
    if before == plan:
        return
    if held and not overwrite:
        kept = before if isinstance(before, dict) else {}
        other = ", ".join(key for key in plan if kept.get(key) != plan[key])
        raise OutputError(
            f"another comparison is here (it differs in: {other})",
            where=folder,
            remedy="choose another folder (--out) or pass --overwrite; the very same command goes on.",
        )
    for name in held:
        target = folder / name
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(plan, indent=1), encoding="utf-8")
    part.replace(path)


def describe_plan(recipes: int, runs_to_score: int, tuned: int, budget: TuningBudget) -> str:
    """A sentence on what is about to be done."""
    runs = f"{recipes} recipes, {runs_to_score} runs to score"
    if not tuned:
        return f"{runs}; nothing is tuned."
    if budget.share is not None and budget.seconds is not None:
        spent = f"{budget.share:.0f} s of training for each, about {budget.seconds / 60:.0f} min in all"
    else:
        spent = f"{budget.trials} trials each"
    return f"{runs}; before, {tuned} tunings ({spent}). Ctrl-C stops; the same command goes on."
