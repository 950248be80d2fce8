"""Compare recipes: tune each one inside each draw, score it once, and say which is best, and how surely.

Everything is written to a folder as soon as it is known, so that the same call resumes where the last one stopped.
"""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from handful.comparison.budget import StudyBudget, reason_not_tuned
from handful.comparison.candidates import role_of
from handful.comparison.plan import OURS, PAGE, VALUES, describe_plan, make_plan
from handful.comparison.ranking import rank_results
from handful.comparison.report import write_comparison
from handful.comparison.result import CandidateRecipe, ComparisonResult, TuningBudget, TuningResult, as_values
from handful.comparison.scheduler import Key, ScheduledRun, Scheduler
from handful.comparison.search_space import check_spaces
from handful.comparison.tuning import seconds_for_two_trials
from handful.core.dataset import Dataset
from handful.core.plan_file import claim_folder
from handful.core.recipe import Recipe
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.data.kind_checks import refuse_numbers
from handful.errors import ProtocolError, TrainingError, by_interface, option
from handful.evaluation.annotation_cost import PAPER, AnnotationTimes
from handful.evaluation.evaluate import FIVE_DRAWS, Protocol, splits_of, trainer_name
from handful.evaluation.executor import Execution, ExecutorFactory
from handful.evaluation.job import Trainer
from handful.evaluation.leaks import check_leaks
from handful.evaluation.protocol import VAL_SCORED
from handful.evaluation.recipe_checks import check_recipe
from handful.evaluation.retrain import train_again
from handful.evaluation.versions import commit, versions
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.recipes.load import with_values
from handful.reports import gallery
from handful.training.missing_unlabelled import warn_without_unlabelled


def compare(
    recipes: Sequence[Recipe],
    data: Dataset,
    folder: str | Path,
    *,
    trials: int | None = None,
    seconds: float | None = None,
    per_class: Sequence[int | None] = (None,),
    protocol: Protocol = FIVE_DRAWS,
    candidates: Sequence[CandidateRecipe] | None = None,
    controls: bool = True,
    times: AnnotationTimes = PAPER["cifar10"],
    jobs: int = 1,
    device: str = "auto",
    trainer: Trainer | None = None,
    executor: ExecutorFactory | None = None,
    overwrite: bool = False,
    time_limit: float | None = None,
    progress: bool = True,
    on_message: Callable[[str], None] = lambda _: None,
) -> ComparisonResult:
    """Compare recipes on identical draws, each tuned on the draw's training images with the same budget.

    Give either `trials` or `seconds`. `choose_candidates` (in `handful.comparison.candidates`) returns the recipes that
    the data allows, with the controls that belong to them.

    Args:
        recipes: what to compare, controls included.
        data: all images, with a test part of its own or without.
        folder: gets the runs with their predictions, the studies (SQLite), `comparison.json` and `report.html`. If it
            holds the same comparison, that one is resumed: nothing is lost and nothing is done twice.
        trials: settings that each recipe may try in each draw, including its own; 1 tunes nothing.
        seconds: wall time for all tuning together, of which each recipe gets the same share in each draw.
        per_class: images per class to train on, one or several numbers; None: all, or as many as the folds leave.
        protocol: draws, folds and what is scored; its `per_class` is replaced.
        candidates: the recipes' roles, and why each one was taken or left out; None: those named like one of
            handful's controls are controls, the others methods.
        controls: whether the controls are among the recipes; the result says so if they are not.
        times: a person's seconds for a label and for a mask.
        jobs: training runs at a time, each in a process of its own. A script that asks for several needs
            `if __name__ == "__main__":`.
        device: as for `train`.
        trainer: called instead of `handful.train`.
        executor: makes the executor that runs the jobs; None: processes of this machine.
        overwrite: delete another comparison in `folder`.
        time_limit: seconds for the scored runs: after half of them no recipe is started, after all of them no run.
            The recipes are then run one after the other, and only the first one is sure to be in the result.
        progress: show a progress bar over the scored runs.
        on_message: called with a sentence about what is going to be done.

    Returns:
        A ranking, all paired differences and the costs, for each number of images per class, and the answer in one
        sentence. `format_comparison` (in `handful.comparison.text`) prints it.

    Raises:
        ProtocolError, DataError, RecipeError, OutputError: before anything is trained or deleted.
        TrainingError: no recipe could be trained at all.

    Example:
        >>> from handful import Protocol, compare, load_data, load_recipe
        >>> digits = load_data("digits").select(range(100))
        >>> recipes, protocol = [load_recipe("logistic-pixels")], Protocol(draws=(0, 1))
        >>> result = compare(recipes, digits, "comparison", trials=1, per_class=[5], protocol=protocol, progress=False)
        >>> [entry.recipe for entry in result.levels[0].entries]
        ['logistic-pixels']
    """
    started = time.monotonic()
    folder = Path(folder)
    refuse_numbers(data, "comparing recipes")
    if not recipes or not per_class:
        raise ProtocolError("nothing to compare", remedy="name a recipe and a number of images per class.")
    execution = Execution(jobs, device, executor, progress)
    study_budget = StudyBudget(trials, seconds)
    _check_recipes(recipes, data, protocol)
    if candidates is None:
        candidates = [CandidateRecipe(r.name, role_of(r.name), True, "requested") for r in recipes]
    protocols = [replace(protocol, per_class=m) for m in per_class]
    scheduled = _schedule(recipes, protocols, data, study_budget, one_by_one=time_limit is not None)
    check_leaks([(item.recipe, item.split.train, item.split.test) for item in scheduled])
    tuned = sum(item.not_tuned_because is None for item in scheduled)
    budget = _shared_budget(study_budget, tuned, jobs)
    data_hash = data_fingerprint(data)
    plan = make_plan(recipes, protocols, budget, data_hash, trainer_name(trainer), controls)
    claim_folder(folder, plan, ours=OURS, overwrite=overwrite)
    if trainer is None:
        warn_without_unlabelled(recipes, data)
    on_message(describe_plan(len(recipes), len(scheduled), tuned, budget))
    scheduler = Scheduler(
        folder,
        scheduled,
        data,
        replace(study_budget, seconds=budget.share),
        data_hash=data_hash,
        trainer=trainer,
        execution=execution,
        time_limit=time_limit,
    )
    scheduler.run()
    results, failed = scheduler.results(recipes, protocols)
    if not results:
        raise _nothing_trained(failed)
    studies = [item.tuned for item in scheduled if item.tuned is not None]
    levels = rank_results(results, {c.recipe: c.role for c in candidates}, studies, times)
    comparison = ComparisonResult(
        answer=levels[-1].answer,
        levels=levels,
        candidates=_without_failed(candidates, failed, len(protocols)),
        controls=controls,
        budget=budget,
        studies=tuple(studies),
        times=times,
        notes=_notes(studies, failed, controls, data, protocol, budget),
        facts=_facts(data, data_hash, protocol, started),
    )
    (folder / VALUES).write_text(json.dumps(as_values(comparison), indent=1, ensure_ascii=False), encoding="utf-8")
    shown = _shown(comparison, data, folder / gallery.SHOWN, execution) if trainer is None else None
    write_comparison(comparison, folder / PAGE, data=data, classifier=shown, overwrite=True)
    return comparison


def _check_recipes(recipes: Sequence[Recipe], data: Dataset, protocol: Protocol) -> None:
    for recipe in recipes:
        check_recipe(recipe, data, protocol)
        check_spaces(recipe)


def _shared_budget(budget: StudyBudget, studies: int, jobs: int) -> TuningBudget:
    """The budget of the whole comparison; each study gets the same share of the wall time."""
    share = None if budget.seconds is None else budget.seconds * jobs / max(1, studies)
    return TuningBudget(budget.trials, budget.seconds, share, jobs)


def _nothing_trained(failed: Mapping[Key, str]) -> TrainingError:
    (name, _), reason = next(iter(failed.items()))
    return TrainingError(f"no recipe could be trained: {reason}", where=name, remedy="check the data and the recipe.")


def _facts(data: Dataset, data_hash: str, protocol: Protocol, started: float) -> dict[str, Any]:
    """What is needed to reproduce the comparison, and the seconds that it took."""
    return {
        "data": data_hash,
        "images": len(data),
        "classes": list(data.classes),
        "draws": list(protocol.draws),
        "folds": protocol.folds,
        "commit": commit(),
        "versions": versions(),
        "seconds": round(time.monotonic() - started, 1),
    }


def _schedule(
    recipes: Sequence[Recipe], protocols: Sequence[Protocol], data: Dataset, budget: StudyBudget, *, one_by_one: bool
) -> list[ScheduledRun]:
    """All scored runs, draw by draw, or recipe by recipe."""
    scheduled = [
        ScheduledRun(recipe, protocol, split, reason_not_tuned(recipe, split.train, budget))
        for protocol in protocols
        for split in splits_of(data, protocol)
        for recipe in recipes
    ]
    if one_by_one:
        scheduled.sort(key=lambda item: recipes.index(item.recipe))
    return scheduled


def _shown(comparison: ComparisonResult, data: Dataset, folder: Path, execution: Execution) -> Classifier | None:
    """The best recipe with pixel maps, tuned and trained as in the first run at most images; None: there is none."""
    best = next((r for r in comparison.levels[-1].results if registry.reads_masks(r.recipe)), None)
    if best is None:
        return None
    run = best.runs[0]
    key = (best.recipe.name, run.per_class, run.draw, run.fold)
    study = next((s for s in comparison.studies if (s.recipe, s.per_class, s.draw, s.fold) == key), None)
    recipe = with_values(best.recipe, {} if study is None else study.values)
    return train_again(recipe, run, data, folder, device=execution.device, progress=execution.progress)


def _without_failed(
    candidates: Sequence[CandidateRecipe], failed: Mapping[Key, str], sizes: int
) -> tuple[CandidateRecipe, ...]:
    """The candidates; one that failed at every number of images per class was not taken, for the first reason."""
    after = []
    for candidate in candidates:
        reasons = [reason for (name, _), reason in failed.items() if name == candidate.recipe]
        out = candidate.taken and len(reasons) == sizes
        after.append(replace(candidate, taken=False, why=reasons[0]) if out else candidate)
    return tuple(after)


def _notes(
    studies: Sequence[TuningResult],
    failed: Mapping[Key, str],
    controls: bool,
    data: Dataset,
    protocol: Protocol,
    budget: TuningBudget,
) -> tuple[str, ...]:
    notes = []
    if not controls:
        left_out = option("controls", False)
        notes.append(f"The controls were left out ({left_out}): the best recipe may score below them.")
    if not any(s.values or s.trials > 1 for s in studies):
        notes.append("Nothing was tuned: every recipe ran with its default settings, chosen on other data.")
    notes += _budget_too_small(studies, budget)
    notes += [
        f"{name} is left out{'' if m is None else f' at {m} per class'}: {reason}."
        for (name, m), reason in failed.items()
    ]
    if protocol.score_on == "rest" and len(data.split("test")):
        notes.append("Scored on the training images that the draws left out; the test split was not used.")
    if protocol.score_on == "val":
        notes.append(VAL_SCORED)
    return tuple(notes)


def _budget_too_small(studies: Sequence[TuningResult], budget: TuningBudget) -> list[str]:
    """Which recipes had no time to try other settings, and the budget that would leave them some."""
    short = [s for s in studies if s.share_too_small]
    if not short or budget.share is None or budget.seconds is None:
        return []
    names = ", ".join(dict.fromkeys(s.recipe for s in short))
    minutes = math.ceil(max(seconds_for_two_trials(s.seconds) for s in short) / budget.share * budget.seconds / 60)
    enough = by_interface(command=f"--budget {minutes}m", python=f"seconds={60 * minutes}")
    return [f"The budget was too small to tune {names}: {enough} would allow each a second trial."]
