"""Automatic run: check the data, select a recipe, train it, score it, predict what has no label, and report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from handful.automl.budget import SECONDS, Budget
from handful.automl.candidates import Requested, load_requested
from handful.automl.finish import finish
from handful.automl.related import TiedData, tie_related
from handful.automl.result import LOG, PAGE, TABLE, VALUES, RunResult
from handful.automl.select_and_train import Say, Settings, learn_from_all, learn_from_draws
from handful.automl.text import after_stop
from handful.comparison.plan import PLAN, claim_folder
from handful.core.dataset import Dataset
from handful.core.files import lock_output, refuse_foreign
from handful.core.progress import Progress, Stages
from handful.core.recipe import Recipe
from handful.core.text import capitalize
from handful.data.fingerprint import fingerprint
from handful.data.left_out import warn_left_out
from handful.data.load import ReadOptions, read_dataset
from handful.data.splits import training_split
from handful.errors import DataError
from handful.inspection.quick_check import quick_findings
from handful.models import hub
from handful.models.device import select_device
from handful.recipes.backbones import stronger_backbone
from handful.recipes.write import fingerprint as recipe_fingerprint
from handful.saving.model_card import CARD
from handful.saving.model_folder import MODEL

OURS = (PLAN, VALUES, LOG, "results-predictions", PAGE, MODEL, TABLE, CARD)
MOST_DOUBTS = 3  # that are said; `handful inspect` shows all


def run(
    source: str | Path | Dataset,
    folder: str | Path,
    *,
    options: ReadOptions | None = None,
    recipes: Sequence[str | Path | Recipe] | None = None,
    backbone: str | Sequence[str] | None = None,
    seconds: float = SECONDS,
    per_class: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    device: str = "auto",
    overwrite: bool = False,
    progress: bool = True,
    on_message: Say = lambda _: None,
    on_answer: Callable[[RunResult], None] = lambda _: None,
    started: float | None = None,
) -> RunResult:
    """From images to a classifier, an honest score and a report: what `handful run` does.

    Copies and images of one subject are tied into groups first, so that none is both learned from and scored. Recipes
    that suit the images are cross-validated on the training images, cheapest first; the best one is trained on all of
    them. Its score is measured on a test part if the data has one, and on held-out images otherwise, corrected for
    having been the best of several (`handful.evaluation.selection_bias`).

    The same call continues a run that was stopped.

    Args:
        source: as for `load_data`, or a data set.
        folder: gets the model in `model/`, `report.html`, `CARD.md`, `run.json` and, where images have no label,
            `predictions.csv`.
        options: how the source is read.
        recipes: names, TOML files or recipes to select from instead of those that suit the images, each as it is;
            "auto" among them: those too. One alone is not selected, only scored.
        backbone: one or several (a list, or with commas) instead of the recipes' own, as for `load_recipe`: each recipe
            is tried on each of them.
        seconds: wall time: a fit that has begun is finished, and nothing starts after it.
        per_class: learn from this many images per class alone, and score on others, for five draws if time allows.
        seed: number of the first repeat or draw; seeds the training.
        jobs: training runs of networks at a time; None: one per core. A script that asks for several needs
            `if __name__ == "__main__":`.
        device: as for `train`.
        overwrite: replace another run in `folder`.
        progress: show progress bars.
        on_message: called with sentences about what was found and what is going on.
        on_answer: called with the result as soon as it is known, before it is seen what would help and before images
            without a label are predicted.
        started: `time.monotonic()` where the time began before this call.

    Raises:
        DataError, OutputError, RecipeError, WeightsError: before anything is trained.
        ProtocolError: also before that, or where the recipes take longer than `seconds`.

    Example:
        >>> from handful import load_data, run
        >>> digits = load_data("digits").select(range(60))
        >>> result = run(digits, "digits-run", seconds=20, device="cpu", progress=False)
        >>> (result.folder / "report.html").exists()
        True
    """
    budget, probe = Budget(seconds, started=started), hub.Probe()
    backbones = backbone.split(",") if isinstance(backbone, str) else backbone or ()
    requested = load_requested(recipes, backbones)
    folder, device = Path(folder), select_device(device)
    count = 5 if per_class is None else None
    stages = Stages(count, spent=lambda: budget.spent, seconds=seconds, shown=progress)
    settings = Settings(per_class, requested, seed, jobs, device, progress, on_message, stages, on_answer)
    refuse_foreign(folder, ours=OURS)
    data = source if isinstance(source, Dataset) else read_dataset(source, options or ReadOptions())
    if data is not source:
        warn_left_out(data)
    on_message(_found(data))
    with lock_output(folder):
        plan = {"data": fingerprint(data), "per_class": per_class, "seed": seed, **_named(requested)}
        claim_folder(folder, plan, ours=OURS, overwrite=overwrite)
        try:
            result = _run(data, folder, budget, settings)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(after_stop(folder)) from None
    if probe.answers and not backbones:
        on_message(stronger_backbone())
    return result


def _run(data: Dataset, folder: Path, budget: Budget, settings: Settings) -> RunResult:
    """The run in a folder that is claimed."""
    with (
        settings.stages.stage("looking at the images"),
        Progress(len(data), "reading and comparing", shown=settings.progress, loss=False) as bar,
    ):
        tied = tie_related(data, device=settings.device, advance=bar.advance)
    doubts = (*tied.notes, *_doubts(tied))
    for doubt in doubts:
        settings.say(doubt)
    learn = learn_from_draws if settings.per_class is not None else learn_from_all
    outcome = learn(tied.data, folder, budget, settings)
    return finish(outcome, tied, doubts, folder, budget, settings)


def _named(requested: Requested) -> dict[str, Any]:
    """The requested recipes in the plan of the run; nothing for those that suit the images."""
    backbones = {"backbones": list(requested.backbones)} if requested.backbones else {}
    if not requested.recipes:
        return backbones
    recipes = {recipe.name: recipe_fingerprint(recipe) for recipe in requested.recipes}
    return {"recipes": recipes, "automatic": requested.automatic, **backbones}


def _found(data: Dataset) -> str:
    """What was read, in a sentence."""
    pool = training_split(data)
    counts = pool.counts
    labelled = int(counts.sum())
    if not labelled:
        raise DataError("no image has a label", where="the data", remedy="put images into folders named after classes.")
    spread = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    text = f"Found {labelled} images of {len(data.classes)} classes ({spread} of each)"
    parts = (
        (sum(s.label is None for s in data.samples), "without a label"),
        (sum(s.mask is not None for s in pool.samples), "with a mask"),
        (int(data.split("test").counts.sum()), "to test on"),
    )
    further = [f"{n} {what}" for n, what in parts if n]
    return text + (f"; {', '.join(further)}." if further else ".")


def _doubts(tied: TiedData) -> tuple[str, ...]:
    """What the images' statistics say against them; copies have been dealt with."""
    findings = quick_findings(tied.measurements.data, tied.measurements.statistics)
    shown = [f for f in findings if f.severity != "note" and "duplicate" not in f.kind]
    return tuple(f"{capitalize(f.message)}. To do: {f.remedy}." for f in shown[:MOST_DOUBTS])
