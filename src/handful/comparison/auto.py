"""`--recipe auto`: pick a recipe by comparing on the training images alone, then tune the one that was picked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.comparison.budget import FOLDS, StudyBudget, not_tuned, reason_not_tuned, with_best_values
from handful.comparison.candidates import choose_candidates, default_folds
from handful.comparison.compare import compare
from handful.comparison.plan import STUDIES
from handful.comparison.result import ComparisonResult, TuningResult
from handful.comparison.search_space import close_storage, open_storage
from handful.comparison.tuning import TuningStudy
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.evaluation.annotation_cost import AnnotationTimes
from handful.evaluation.evaluate import Protocol
from handful.evaluation.executor import JobResult, Trainer, TrainingJob, run_queue
from handful.recipes.load import load_recipe

FEW = "nearest-centroid-lite0"  # 40.9 % of CIFAR-10 at one image per class, where logistic regression has 25.5 %


@dataclass(frozen=True, eq=False)
class RecipeSelection:
    """The recipe, with tuned settings where these were better, and why; no `outcome` where nothing was compared."""

    recipe: Recipe
    why: str
    outcome: ComparisonResult | None = None
    study: TuningResult | None = None

    @property
    def card(self) -> dict[str, Any]:
        """What the model's card keeps of the choice."""
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
    folder: Path,
    *,
    seconds: float,
    seed: int = 0,
    overrides: Sequence[str] = (),
    jobs: int = 1,
    device: str = "auto",
    trainer: Trainer | None = None,
    overwrite: bool = False,
    progress: bool = True,
    recipes: Sequence[str | Path] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> RecipeSelection:
    """Pick a recipe for these training images.

    First every recipe that the data allows is cross-validated with its own settings, the controls first; one whose
    turn comes when half the budget is spent is left out. The best mean is picked. What is left of the budget tunes it
    on all of the images. With one or two images of a class nothing can be compared, and a recipe is taken that was
    best there on other data.

    Args:
        data: the training images, and no others.
        folder: of the comparison (`compare`); the same call goes on where it stopped.
        seconds: wall time; the run that is under way when it ends is finished.
        seed: decides the folds, and seeds the training.
        overrides: as for `load_recipe`, for every recipe.
        jobs: training runs at a time.
        device: as for `train`.
        trainer: called instead of `handful.train`.
        overwrite: throw away another comparison in `folder`.
        progress: show a bar.
        recipes: compare these and their controls, not what the data allows.
        tell: gets a sentence on what is about to be done.

    Raises:
        As `compare`.
    """
    data = replace(data, samples=tuple(replace(s, split=None) for s in data.samples))
    StudyBudget(seconds=seconds)
    least = min(int(data.counts.min()), default_folds(data) or 0)
    if least < FOLDS:
        images = "one image" if data.counts.min() == 1 else "fewer than three images or groups"
        why = f"{images} of a class leave nothing to compare on: taken because it was best there on other data"
        return RecipeSelection(load_recipe(FEW, overrides=overrides), why)
    plans, candidates = choose_candidates(data, recipes, overrides=overrides)
    outcome = compare(
        folder,
        plans,
        data,
        candidates=candidates,
        per_class=(None,),
        protocol=Protocol((seed,), folds=FOLDS),
        trials=1,
        times=AnnotationTimes(3.5, 29.52),
        jobs=jobs,
        device=device,
        trainer=trainer,
        overwrite=overwrite,
        progress=progress,
        limit=seconds,
        tell=tell,
    )
    best = next(r for r in plans if r.name == outcome.levels[0].best.recipe)
    spent = sum(run.seconds for result in outcome.results for run in result.runs) / jobs
    study = _tune(best, data, folder, max(seconds - spent, 1e-9), seed=seed, device=device, trainer=trainer)
    return RecipeSelection(with_best_values(best, study), outcome.answer, outcome, study)


def _tune(
    recipe: Recipe, data: Dataset, folder: Path, seconds: float, *, seed: int, device: str, trainer: Trainer | None
) -> TuningResult:
    """Tune on all of the images, one trial after the other."""
    allowance = StudyBudget(seconds=seconds)
    why = reason_not_tuned(recipe, data, allowance)
    if why is not None:
        return not_tuned(recipe, per_class=None, draw=seed, fold=None, why=why)
    storage = open_storage(folder / STUDIES)
    try:
        tuning = TuningStudy(recipe, data, per_class=None, draw=seed, fold=None, allowance=allowance, storage=storage)
        position = {s.id: i for i, s in enumerate(data.samples)}

        def give() -> TrainingJob | None:
            following = tuning.next()
            if following is None:
                return None
            plan, train, held, fold = following
            places = [[position[i] for i in part.ids] for part in (train, held)]
            return TrainingJob(0, plan, seed, fold, None, *places)

        def keep(finished: JobResult) -> None:
            tuning.take(finished.run)

        run_queue(give, data, keep, jobs=1, device=device, trainer=trainer, failed=lambda _, error: tuning.fail(error))
        return tuning.study()
    finally:
        close_storage(storage)
