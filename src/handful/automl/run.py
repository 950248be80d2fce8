"""Automatic run: check the data, select a recipe, train it, score it, predict what has no label, and report.

Importing PyTorch takes seconds. What the images' files alone tell is said before that, so this module imports it late.
"""

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handful.automl.budget import SECONDS, Budget
from handful.automl.data_summary import describe_data, describe_doubts
from handful.automl.result import OURS, RunResult
from handful.automl.sizes import working_sizes
from handful.automl.stopped import after_stop
from handful.core.dataset import Dataset
from handful.core.files import lock_output, refuse_foreign
from handful.core.plan_file import claim_folder
from handful.core.processes import one_blas_thread
from handful.core.progress import Activity, Progress, Stages
from handful.core.recipe import Recipe
from handful.data.arrays import from_arrays
from handful.data.check import refuse_unusable
from handful.data.fingerprint import fingerprint
from handful.data.image_cache import cache_images
from handful.data.kind_checks import refuse_bags, refuse_multilabel
from handful.data.left_out import warn_left_out
from handful.data.load import ReadOptions, read_dataset
from handful.data.splits import training_split
from handful.errors import DataError, by_interface, option
from handful.evaluation.normal_class import check_normal_class
from handful.inspection.measurements import Measurements, measure_images
from handful.models import hub
from handful.recipes.write import fingerprint as recipe_fingerprint

if TYPE_CHECKING:
    from handful.automl.candidates import Requested
    from handful.automl.multilabel_result import MultilabelRunResult
    from handful.automl.number_result import NumberRunResult
    from handful.automl.select_and_train import Settings

Say = Callable[[str], None]


def run(
    source: str | Path | Dataset | Iterable[Any],
    folder: str | Path,
    *,
    labels: Iterable[Any] | None = None,
    groups: Iterable[Any] | None = None,
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
    on_message: Say | None = None,
    on_answer: Callable[[RunResult], None] = lambda _: None,
    started: float | None = None,
    name: str | None = None,
    normal_class: str | None = None,
    inspection: str | None = None,
) -> "RunResult | MultilabelRunResult | NumberRunResult":
    """From images to a classifier, an honest score and a report: what `handful run` does.

    Copies and images of one subject are tied into groups first, so that none is both learned from and scored. Recipes
    that suit the images are cross-validated on the training images, cheapest first; the best one is trained on all of
    them. Its score is measured on a test part if the data has one, and on held-out images otherwise, corrected for
    having been the best of several (`handful.evaluation.selection_bias`).

    The same call continues a run that was stopped.

    Images with several labels, or with numbers, have runs and results of their own
    (`handful.automl.multilabel_run`, `handful.automl.number_run`): recipes that are fitted in seconds are selected by
    mean AP, or by error. `per_class`, `normal_class`, `jobs` and `on_answer` are for one label per image.

    Args:
        source: as for `load_data`, or a data set; or images as `handful.data.arrays.from_arrays` takes them: arrays
            [n h w] or [n h w c], a list of paths or of Pillow's images.
        folder: gets the model in `model/`, `report.html`, `CARD.md`, `run.json` and, where images have no label,
            `predictions.csv`.
        labels: of the images of `source`, where these are not a path or a data set; None or NaN: unlabelled.
        groups: of these images, such as the patient: images of one group are never on both sides of a split.
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
        on_message: called with sentences about what was found and what is going on; None: with `progress` they are
            printed to standard error. The answer is printed by `print(result)`.
        on_answer: called with the result as soon as it is known, before it is seen what would help and before images
            without a label are predicted.
        started: `time.monotonic()` where the time began before this call.
        name: of the data, for the top of the report; None: the source, or for a data set the folder.
        normal_class: class that means that nothing is wrong, for which misses and false alarms are counted; None:
            recognized by its name, such as "good" or "healthy"; "none": there is none.
        inspection: what shows labels that may be wrong, for the sentence that counts them; None: a call of `inspect`.

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
    say = on_message or (_to_stderr if progress else lambda _: None)
    budget, probe = Budget(seconds, started=started), hub.Probe()
    backbones = backbone.split(",") if isinstance(backbone, str) else backbone or ()
    requested = _requested(recipes, backbones, device)
    folder = Path(folder)
    stages = Stages(5 if per_class is None else None, spent=lambda: budget.spent, seconds=seconds, shown=progress)
    name = name or (Path(source).name if isinstance(source, str | Path) else folder.name)
    refuse_foreign(folder, ours=OURS)
    data = _read(source, labels, groups, options or ReadOptions())
    refuse_bags(data, "a run")
    if data.kind != "multiclass":
        _refuse_options(data, per_class=per_class, normal_class=normal_class)
        return _run_other_kind(
            data,
            folder,
            recipes=recipes or (),
            backbone=tuple(backbones),
            seconds=seconds,
            seed=seed,
            device=device,
            overwrite=overwrite,
            progress=progress,
            on_message=say,
            started=time.monotonic() - budget.spent,
            name=name,
        )
    check_normal_class(normal_class, data.classes)
    found = describe_data(data)
    refuse_unusable(data, per_class=per_class)
    say(found)
    masked = any(s.mask is not None for s in data.samples)
    with lock_output(folder), cache_images(working_sizes(masked=masked)):
        plan = {"data": fingerprint(data), "per_class": per_class, "seed": seed, **_named(requested)}
        claim_folder(folder, plan, ours=OURS, overwrite=overwrite)
        try:
            with Progress(len(data), "reading the images", shown=progress, loss=False) as bar:
                measurements = measure_images(data, advance=bar.advance)
            doubts = describe_doubts(measurements)
            for doubt in doubts:
                say(doubt)
            with Activity("Loading PyTorch", shown=progress, announce=True):
                from handful.automl.candidates import Requested
                from handful.automl.select_and_train import Settings
                from handful.models.device import select_device

                command = by_interface(command="handful inspect", python="handful.inspect(data).findings")
                settings = Settings(
                    per_class=per_class,
                    requested=requested or Requested(),
                    seed=seed,
                    jobs=jobs,
                    device=select_device(device),
                    progress=progress,
                    say=say,
                    stages=stages,
                    on_answer=on_answer,
                    name=name,
                    normal_class=normal_class,
                    inspection=inspection or command,
                )
            result = _run(data, measurements, doubts, folder, budget, settings)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(after_stop(folder)) from None
    if not backbones:
        from handful.recipes.backbones import stronger_backbone

        proposal = stronger_backbone(network=probe.answers)
        if proposal is not None:
            say(proposal)
    return result


def _read(source: Any, labels: Any, groups: Any, options: ReadOptions) -> Dataset:
    """The data set that a run is given, in whichever form."""
    in_memory = not isinstance(source, str | Path | Dataset)
    if in_memory != (labels is not None):
        what = "images in memory need labels" if in_memory else "labels are for images in memory, which this is not"
        remedy = "give one label for each image." if in_memory else "leave them out, or give arrays or a list of paths."
        raise DataError(what, where="labels", remedy=remedy)
    if in_memory:
        return from_arrays(source, labels, groups=groups, bit_depth=options.bit_depth, window=options.window)
    if isinstance(source, Dataset):
        return source
    data = read_dataset(source, options)
    warn_left_out(data)
    return data


def _run_other_kind(data: Dataset, folder: Path, **settings: Any) -> "MultilabelRunResult | NumberRunResult":
    """The run of images with several labels, or with numbers."""
    if data.kind == "multilabel":
        from handful.automl.multilabel_run import run_multilabel

        return run_multilabel(data, folder, **settings)
    from handful.automl.number_run import run_numbers

    return run_numbers(data, folder, **settings)


def _refuse_options(data: Dataset, *, per_class: int | None, normal_class: str | None) -> None:
    """Refuse options that need one label per image.

    Raises:
        DataError: one of them was given.
    """
    for name, value in (("per_class", per_class), ("normal_class", normal_class)):
        if value is not None:
            refuse_multilabel(data, f"{option(name, None)} of a run")


def _to_stderr(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _requested(
    recipes: Sequence[str | Path | Recipe] | None, backbones: Sequence[str], device: str
) -> "Requested | None":
    """The recipes and backbones that the user named; they, and a device of another name, are checked first of all."""
    if device not in ("auto", "cpu"):
        from handful.models.device import select_device

        select_device(device)
    if not recipes and not backbones:
        return None
    from handful.automl.candidates import load_requested

    return load_requested(recipes, backbones)


def _run(
    data: Dataset,
    measurements: Measurements,
    doubts: tuple[str, ...],
    folder: Path,
    budget: Budget,
    settings: "Settings",
) -> RunResult:
    """What needs PyTorch: compare the images, select, train, score and report."""
    from handful.automl.finish import finish
    from handful.automl.related import tie_related
    from handful.automl.select_and_train import learn_from_all, learn_from_draws
    from handful.training.foreign_images import warn_of_foreign_images

    with (
        settings.stages.stage("looking at the images"),
        Progress(len(data), "comparing", shown=settings.progress, loss=False) as bar,
        one_blas_thread(),
    ):
        tied = tie_related(data, measurements, device=settings.device, advance=bar.advance)
    for note in tied.notes:
        settings.say(note)
    pool = training_split(tied.data)
    warn_of_foreign_images(pool, pool.unlabelled(), device=settings.device)
    learn = learn_from_draws if settings.per_class is not None else learn_from_all
    outcome = learn(tied.data, folder, budget, settings)
    return finish(outcome, tied, (*tied.notes, *doubts), folder, budget, settings)


def _named(requested: "Requested | None") -> dict[str, Any]:
    """The requested recipes in the plan of the run; nothing for those that suit the images."""
    if requested is None:
        return {}
    backbones = {"backbones": list(requested.backbones)} if requested.backbones else {}
    if not requested.recipes:
        return backbones
    recipes = {recipe.name: recipe_fingerprint(recipe) for recipe in requested.recipes}
    return {"recipes": recipes, "automatic": requested.automatic, **backbones}
