"""What automatic runs on several labels per image and on numbers share: cross-validated recipes, related images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from handful.automl.budget import Budget
from handful.automl.candidates import describe
from handful.automl.related import TiedData, tie_related
from handful.automl.result import LOG, OURS
from handful.comparison.defaults import default_folds
from handful.core.dataset import Dataset
from handful.core.plan_file import claim_folder
from handful.core.processes import one_blas_thread
from handful.core.progress import Progress
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.data.splits import training_split
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.inspection.measurements import measure_images
from handful.recipes.write import fingerprint

Say = Callable[[str], None]


class CrossValidation:
    """Cross-validation of one recipe after the other, on the same folds."""

    def __init__(
        self, data: Dataset, protocol: Protocol, log: Path, device: str, progress: bool, budget: Budget
    ) -> None:
        self.data, self.protocol, self.log = data, protocol, log
        self.device, self.progress, self.budget = device, progress, budget

    def of(self, recipe: Recipe, stop: Callable[[], bool] | None = None) -> Result:
        """The held-out predictions of one recipe; without those of the folds that `stop` prevents."""
        return evaluate(
            recipe,
            self.data,
            protocol=self.protocol,
            device=self.device,
            log=self.log,
            progress=self.progress,
            stop=stop or (lambda: False),
        )

    def of_all(self, recipes: Sequence[Recipe], say: Say) -> tuple[list[Result], tuple[str, ...]]:
        """The results, and the recipes for which no time was left: half is kept for the model and the report."""
        results: list[Result] = []
        left: list[str] = []
        for recipe in recipes:
            begun = self.budget.spent
            if results and 2 * begun > self.budget.seconds:
                left.append(recipe.name)
                continue
            say(f"Trying {describe(recipe)}.")
            result = self.of(recipe, (lambda: self.budget.left <= 0) if results else None)
            complete = len(result.runs) == (self.protocol.folds or 1)
            results += [result] if complete else []
            left += [] if complete else [recipe.name]
        return results, tuple(left)


@dataclass(frozen=True)
class Scored:
    """Cross-validated recipes: the data in groups, its training images, the results, and the recipes without time."""

    tied: TiedData
    pool: Dataset
    results: list[Result]
    left: tuple[str, ...]


def score_recipes(
    data: Dataset,
    folder: Path,
    recipes: Sequence[Recipe],
    *,
    seed: int,
    device: str,
    overwrite: bool,
    progress: bool,
    budget: Budget,
    say: Say,
) -> Scored:
    """Claim the folder of a run, tie related images, and cross-validate every recipe on the training images."""
    named = {recipe.name: fingerprint(recipe) for recipe in recipes}
    plan = {"data": data_fingerprint(data), "seed": seed, "recipes": named}
    claim_folder(folder, plan, ours=OURS, overwrite=overwrite)
    tied = tied_images(data, device, progress=progress)
    for note in tied.notes:
        say(note)
    pool = training_split(tied.data)
    alone = replace(pool, samples=tuple(replace(s, split=None) for s in pool.samples))
    protocol = Protocol((seed,), folds=default_folds(alone))
    scores = CrossValidation(pool, protocol, folder / LOG, device, progress, budget)
    return Scored(tied, pool, *scores.of_all(recipes, say))


def tied_images(data: Dataset, device: str, *, progress: bool) -> TiedData:
    """The data with copies and images of one subject in groups."""
    with Progress(len(data), "looking at the images", shown=progress, loss=False) as bar, one_blas_thread():
        measurements = measure_images(data, advance=bar.advance)
        return tie_related(data, measurements, device=device)
