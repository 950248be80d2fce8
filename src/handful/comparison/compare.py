"""A comparison as one task: tune each recipe inside each draw, score it once, and say what the scores are worth.

Everything is in the output folder as soon as it is known, so the same call goes on where the last one stopped.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from handful.comparison.budget import StudyBudget, reason_not_tuned
from handful.comparison.plan import PAGE, VALUES, claim_folder, describe_plan, make_plan
from handful.comparison.ranking import rank_results
from handful.comparison.report import write_comparison
from handful.comparison.result import CandidateRecipe, ComparisonResult, TuningBudget, TuningResult, as_values
from handful.comparison.scheduler import ScheduledRun, Scheduler
from handful.comparison.search_space import check_spaces
from handful.comparison.tuning import seconds_for_two_trials
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.errors import TrainingError
from handful.evaluation.annotation_cost import AnnotationTimes
from handful.evaluation.evaluate import Protocol, splits_of, trainer_name
from handful.evaluation.executor import MakePool, Trainer
from handful.evaluation.results_log import commit, versions
from handful.evaluation.retrain import train_again
from handful.models.classifier import Classifier
from handful.recipes.checks import check
from handful.recipes.load import with_values
from handful.reports import gallery


def compare(
    folder: Path,
    recipes: Sequence[Recipe],
    data: Dataset,
    *,
    candidates: Sequence[CandidateRecipe],
    per_class: Sequence[int | None],
    protocol: Protocol,
    trials: int | None = None,
    seconds: float | None = None,
    times: AnnotationTimes,
    controls: bool = True,
    jobs: int = 1,
    device: str = "auto",
    trainer: Trainer | None = None,
    pool: MakePool | None = None,
    overwrite: bool = False,
    limit: float | None = None,
    progress: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> ComparisonResult:
    """Compare recipes on identical draws, each tuned on the draw's training images with the same budget.

    Args:
        folder: gets the runs with their predictions, the studies (SQLite), `comparison.json` and `report.html`. If it
            holds the same comparison, that one goes on: nothing is lost and nothing done twice.
        recipes: what to compare.
        data: everything, with its own test part or without.
        candidates: roles of the recipes, and why each was taken or left out (`choosing.choose`).
        per_class: images per class, one level each; None: all, or as many as the folds leave.
        protocol: draws, folds and what is scored; its `per_class` is replaced.
        trials: how many settings each recipe may try in each draw, its own counted; or
        seconds: wall time for all tuning together, of which each recipe has the same share in each draw.
        times: a person's seconds for a label and a mask.
        controls: whether the controls are in, to be noted.
        jobs: training runs at a time, each in a process of its own.
        device: as for `train`.
        trainer: called instead of `handful.train`.
        pool: who runs the jobs; None: this machine.
        overwrite: throw away another comparison in `folder`.
        limit: seconds for the scored runs: after half of them no recipe is begun, after all no run. Recipes then come
            one after the other, and only the first is sure to be there.
        progress: show a bar over the scored runs.
        tell: gets a sentence on what is about to be done.

    Raises:
        ProtocolError, DataError, RecipeError, OutputError: before anything is trained or thrown away.
        TrainingError: no recipe could be trained at all.
    """
    started = time.monotonic()
    allowance = StudyBudget(trials, seconds)
    for recipe in recipes:
        check(recipe)
        check_spaces(recipe)
    levels = [replace(protocol, per_class=m) for m in per_class]
    work = [
        ScheduledRun(recipe, level, cell, reason_not_tuned(recipe, cell.train, allowance))
        for level in levels
        for cell in splits_of(data, level)
        for recipe in recipes
    ]
    if limit is not None:
        work.sort(key=lambda w: recipes.index(w.recipe))
    tuned = sum(w.why is None for w in work)
    share = None if seconds is None else seconds * jobs / max(1, tuned)
    budget = TuningBudget(trials, seconds, share, jobs)
    content, called = data_fingerprint(data), trainer_name(trainer)
    claim_folder(folder, make_plan(recipes, levels, budget, content, called, controls), overwrite=overwrite)
    tell(describe_plan(len(recipes), len(work), tuned, budget))
    queue = Scheduler(
        folder,
        work,
        data,
        replace(allowance, seconds=share),
        content,
        called,
        device=device,
        jobs=jobs,
        trainer=trainer,
        limit=limit,
        pool=pool,
    )
    queue.run(progress=progress)
    results, failed = queue.results(recipes, levels)
    if not results:
        (name, _), what = next(iter(failed.items()))
        raise TrainingError(
            f"no recipe could be trained: {what}", where=name, remedy="look at the data and the recipe."
        )
    studies = [w.study for w in work if w.study is not None]
    roles = {c.recipe: c.role for c in candidates}
    found = rank_results(results, roles, studies, times)
    outcome = ComparisonResult(
        answer=found[-1].answer,
        levels=found,
        candidates=_without_failed(candidates, failed, len(levels)),
        controls=controls,
        budget=budget,
        studies=tuple(studies),
        times=times,
        notes=_notes(studies, failed, controls, data, protocol, budget),
        facts={
            "data": content,
            "images": len(data),
            "classes": list(data.classes),
            "draws": list(protocol.draws),
            "folds": protocol.folds,
            "commit": commit(),
            "versions": versions(),
            "seconds": round(time.monotonic() - started, 1),
        },
    )
    (folder / VALUES).write_text(json.dumps(as_values(outcome), indent=1, ensure_ascii=False), encoding="utf-8")
    shown = _shown(outcome, data, folder / gallery.SHOWN, device=device, progress=progress) if trainer is None else None
    write_comparison(outcome, folder / PAGE, data=data, classifier=shown, overwrite=True)
    return outcome


def _shown(outcome: ComparisonResult, data: Dataset, folder: Path, *, device: str, progress: bool) -> Classifier | None:
    """The best recipe with pixel maps, as it was tuned and trained in the first run at most images; None: no such."""
    best = next((r for r in outcome.levels[-1].results if gallery.segments(r.recipe)), None)
    if best is None:
        return None
    run = best.runs[0]
    place = (best.recipe.name, run.per_class, run.draw, run.fold)
    study = next((s for s in outcome.studies if (s.recipe, s.per_class, s.draw, s.fold) == place), None)
    recipe = with_values(best.recipe, {} if study is None else study.values)
    return train_again(recipe, run, data, folder, device=device, progress=progress)


def _without_failed(
    candidates: Sequence[CandidateRecipe], failed: dict[tuple[str, int | None], str], levels: int
) -> tuple[CandidateRecipe, ...]:
    found = []
    for c in candidates:
        reasons = [what for (name, _), what in failed.items() if name == c.recipe]
        out = c.taken and len(reasons) == levels
        found.append(replace(c, taken=False, why=reasons[0]) if out else c)
    return tuple(found)


def _notes(
    studies: Sequence[TuningResult],
    failed: dict[tuple[str, int | None], str],
    controls: bool,
    data: Dataset,
    protocol: Protocol,
    budget: TuningBudget,
) -> tuple[str, ...]:
    notes = []
    if not controls:
        notes.append("The controls were left out (--no-controls): what is ahead here may be behind them.")
    if not any(s.values or s.trials > 1 for s in studies):
        notes.append("Nothing was tuned: every recipe ran with its own settings, found on other data.")
    notes += _too_little(studies, budget)
    notes += [
        f"{name} is left out{'' if m is None else f' at {m} per class'}: {what}." for (name, m), what in failed.items()
    ]
    if protocol.score_on == "rest" and len(data.split("test")):
        notes.append("Scored on training images that the draws left: the test part was not looked at.")
    return tuple(notes)


def _too_little(studies: Sequence[TuningResult], budget: TuningBudget) -> list[str]:
    """Which recipes had no time to try other settings, and the budget that would leave them some."""
    short = [s for s in studies if s.crowded]
    if not short or budget.share is None or budget.seconds is None:
        return []
    names = ", ".join(dict.fromkeys(s.recipe for s in short))
    minutes = max(seconds_for_two_trials(s.seconds) for s in short) / budget.share * budget.seconds / 60
    return [
        f"No time to try other settings of {names}: --budget {math.ceil(minutes)}m would leave each a second trial."
    ]
