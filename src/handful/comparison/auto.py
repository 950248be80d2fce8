"""Automatic choice of a recipe (`--recipe auto`): cross-validate on the training images, then tune the best one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.comparison.budget import FOLDS, StudyBudget, not_tuned, reason_not_tuned, with_best_values
from handful.comparison.candidates import FEW, choose_candidates
from handful.comparison.compare import compare
from handful.comparison.defaults import default_folds
from handful.comparison.plan import STUDIES
from handful.comparison.result import ComparisonResult, TuningResult
from handful.comparison.search_space import close_storage, open_storage
from handful.comparison.tuning import TuningStudy
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.evaluation.evaluate import Protocol
from handful.evaluation.executor import Execution, ExecutorFactory
from handful.evaluation.job import JobResult, Trainer, TrainingJob
from handful.evaluation.run_jobs import run_queue
from handful.recipes.load import load_recipe


@dataclass(frozen=True, eq=False)
class RecipeSelection:
    """The selected recipe and the reason.

    Attributes:
        recipe: the recipe, with tuned settings where these were better.
        why: the reason, in one sentence.
        outcome: the comparison; None where there were too few images to compare recipes.
        study: the tuning of the selected recipe; None where nothing was compared.
    """

    recipe: Recipe
    why: str
    outcome: ComparisonResult | None = None
    study: TuningResult | None = None

    @property
    def card(self) -> dict[str, Any]:
        """The selection as plain values, for the model's card."""
        if self.outcome is None:
            return {"why": self.why, "recipe": self.recipe.name, "table": []}
        (level,) = self.outcome.levels
        return {
            "why": self.why,
            "recipe": self.recipe.name,
            "settings": {} if self.study is None else dict(self.study.values),
            "tuning": "" if self.study is None else self.study.why,
            "scored_on": f"training images, {level.best.summary.runs} folds; chosen by it, so not a score to report",
            "table": [
                {
                    "recipe": e.recipe,
                    "role": e.role,
                    level.metric: round(e.summary.mean, 4),
                    "low": round(e.summary.low, 4),
                    "high": round(e.summary.high, 4),
                    "train_seconds": round(e.train_seconds, 1),
                }
                for e in level.entries
            ],
            "left_out": {c.recipe: c.why for c in self.outcome.candidates if not c.taken},
        }


def select_recipe(
    data: Dataset,
    folder: str | Path,
    *,
    seconds: float,
    recipes: Sequence[str | Path] = (),
    overrides: Sequence[str] = (),
    seed: int = 0,
    jobs: int = 1,
    device: str = "auto",
    trainer: Trainer | None = None,
    executor: ExecutorFactory | None = None,
    overwrite: bool = False,
    progress: bool = True,
    on_message: Callable[[str], None] = lambda _: None,
) -> RecipeSelection:
    """Select a recipe for these training images.

    First every recipe that the data allows is cross-validated with its own settings, controls first; a recipe whose
    turn comes after half the budget is left out. The one with the best mean is selected, and what is left of the
    budget tunes it on all images. With one or two images of a class nothing can be compared, and the recipe that was
    best on other data is selected.

    Args:
        data: the training images, and no others; their split is ignored.
        folder: of the comparison, as for `compare`; the same call resumes where it stopped.
        seconds: wall time; the run that is under way when it ends is finished.
        recipes: recipe names or TOML files; these and their controls are compared. Empty: what the data allows.
        overrides: as for `load_recipe`, for every recipe.
        seed: decides the folds, and seeds the training.
        jobs: training runs at a time. A script that asks for several needs `if __name__ == "__main__":`.
        device: as for `train`.
        trainer: called instead of `handful.train`.
        executor: makes the executor that runs the jobs; None: processes of this machine.
        overwrite: delete another comparison in `folder`.
        progress: show a progress bar.
        on_message: called with a sentence about what is going to be done.

    Returns:
        The recipe, to be given to `train`, and the reason. Its score in the comparison selected it, so it is not a
        score to report.

    Raises:
        ProtocolError, DataError, RecipeError, OutputError: before anything is trained or deleted.
        TrainingError: no recipe could be trained at all.

    Example:
        >>> from handful import load_data, select_recipe
        >>> digits = load_data("digits").select(range(10))  # one image of each class
        >>> selection = select_recipe(digits, "selection", seconds=60, progress=False)
        >>> selection.recipe.name
        'nearest-centroid'
        >>> selection.why
        'a class with one image is too small to compare recipes: selected because it was best on other data'
    """
    folder = Path(folder)
    data = replace(data, samples=tuple(replace(s, split=None) for s in data.samples))
    StudyBudget(seconds=seconds)
    execution = Execution(jobs, device, executor, progress)
    smallest = int(data.counts.min())
    if min(smallest, default_folds(data) or 0) < FOLDS:
        count = "one image" if smallest == 1 else "fewer than three images or groups"
        why = f"a class with {count} is too small to compare recipes: selected because it was best on other data"
        return RecipeSelection(load_recipe(FEW, overrides=overrides), why)
    candidates, reasons = choose_candidates(data, recipes, overrides=overrides)
    outcome = compare(
        candidates,
        data,
        folder,
        trials=1,
        protocol=Protocol((seed,), folds=FOLDS),
        candidates=reasons,
        jobs=jobs,
        device=device,
        trainer=trainer,
        executor=executor,
        overwrite=overwrite,
        time_limit=seconds,
        progress=progress,
        on_message=on_message,
    )
    best = next(r for r in candidates if r.name == outcome.levels[0].best.recipe)
    spent = sum(run.seconds for result in outcome.results for run in result.runs) / jobs
    one_at_a_time = replace(execution, jobs=1, executor=None)
    study = _tune(best, data, folder, max(seconds - spent, 1e-9), seed=seed, trainer=trainer, execution=one_at_a_time)
    return RecipeSelection(with_best_values(best, study), outcome.answer, outcome, study)


def _tune(
    recipe: Recipe,
    data: Dataset,
    folder: Path,
    seconds: float,
    *,
    seed: int,
    trainer: Trainer | None,
    execution: Execution,
) -> TuningResult:
    """Tune on all images, one trial after the other."""
    budget = StudyBudget(seconds=seconds)
    reason = reason_not_tuned(recipe, data, budget)
    if reason is not None:
        return not_tuned(recipe, per_class=None, draw=seed, fold=None, why=reason)
    storage = open_storage(folder / STUDIES)
    try:
        study = TuningStudy(recipe, data, per_class=None, draw=seed, fold=None, budget=budget, storage=storage)
        position = {s.id: i for i, s in enumerate(data.samples)}

        def next_job() -> TrainingJob | None:
            trial = study.next_run()
            if trial is None:
                return None
            train, held_out = ([position[i] for i in part.ids] for part in (trial.train, trial.held_out))
            return TrainingJob(0, trial.recipe, seed, trial.fold, None, train, held_out)

        def on_finished(result: JobResult) -> None:
            study.record_trial(result.run)

        run_queue(
            next_job,
            data,
            on_finished,
            execution=execution,
            trainer=trainer,
            on_failed=lambda _, error: study.record_failure(error),
        )
        return study.result()
    finally:
        close_storage(storage)
