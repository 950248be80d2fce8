"""Evaluate recipes: train on repeated draws of the data, and keep the raw predictions of every run.

The score of one training run says little when a handful of images decides it. So the draw is repeated, on the same
test images where the data set has a test part, and metrics are computed afterwards (`handful.evaluation.statistics`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data.fingerprint import fingerprint
from handful.data.image_cache import cache_images
from handful.data.unlabelled import unlabelled_samples
from handful.errors import ProtocolError, option
from handful.evaluation.executor import Execution, ExecutorFactory
from handful.evaluation.job import JobResult, Trainer, TrainingJob
from handful.evaluation.leaks import check_leaks
from handful.evaluation.levels import levels_of
from handful.evaluation.protocol import Protocol as Protocol
from handful.evaluation.protocol import ScoreOn as ScoreOn
from handful.evaluation.protocol import TrainTestSplit as TrainTestSplit
from handful.evaluation.protocol import splits_of as splits_of
from handful.evaluation.recipe_checks import check_recipe
from handful.evaluation.results_log import ResultsLog, RunKey, make_key, with_conditions
from handful.evaluation.run_jobs import run_jobs
from handful.evaluation.statistics import summarise as summarise
from handful.models.device import select_device
from handful.recipes.checks import check
from handful.recipes.nested_runs import learns_from_unlabelled
from handful.training.foreign_images import warn_of_foreign_images
from handful.training.missing_unlabelled import warn_without_unlabelled

FIVE_DRAWS = Protocol()


def evaluate(
    recipe: Recipe,
    data: Dataset,
    *,
    protocol: Protocol = FIVE_DRAWS,
    jobs: int = 1,
    device: str = "auto",
    log: Path | None = None,
    predictions: Path | None = None,
    trainer: Trainer | None = None,
    executor: ExecutorFactory | None = None,
    progress: bool = True,
    stop: Callable[[], bool] | None = None,
) -> Result:
    """Train a recipe once per draw (and fold), and predict the images that were left out.

    Masks and labels of test images are removed before they are predicted. Unlabelled images are ignored unless the
    protocol says otherwise. Training masks that were propagated by a model which may have seen the scored images are
    made again inside each split.

    Args:
        recipe: what to train.
        data: all images, with a test part of its own or without.
        protocol: the draws, images per class, folds, and what is scored; by default five draws of all images.
        jobs: training runs at a time, each in a process of its own with its share of the CPU threads. A script that
            asks for several needs `if __name__ == "__main__":`.
        device: as for `train`.
        log: JSON-lines file with one line per run, written as soon as the run ends. Runs that are in it already are
            loaded, not repeated.
        predictions: folder of the per-image predictions; by default `<log stem>-predictions` beside the log.
        trainer: called instead of `handful.train`, for instance for a control that is not a network.
        executor: makes the executor that runs the jobs; None: processes of this machine.
        progress: show a progress bar over the runs.
        stop: asked before each run: no further one starts once it is true, and the result has those that are finished.

    Returns:
        The recipe and its runs, with the predictions of each. `summarise` computes scores from it.

    Raises:
        ProtocolError, DataError, RecipeError: before the first training starts; also for a recipe that loads a saved
            model which was trained on a scored image.
        TrainingError: a run did not train, or a worker process died.

    Example:
        >>> from handful import Protocol, evaluate, load_data, load_recipe
        >>> digits = load_data("digits").select(range(100))
        >>> recipe = load_recipe("logistic-pixels")
        >>> result = evaluate(recipe, digits, protocol=Protocol((0, 1), per_class=5), progress=False)
        >>> len(result.runs), len(result.runs[0].train_ids)
        (2, 50)
    """
    execution = Execution(jobs, device, executor, progress, stop)
    return _evaluate([(recipe, protocol)], data, execution, log, predictions, trainer)[0]


def sweep(
    recipes: Sequence[Recipe],
    data: Dataset,
    *,
    per_class: Sequence[int | None] = (1, 5, 10),
    protocol: Protocol = FIVE_DRAWS,
    jobs: int = 1,
    device: str = "auto",
    log: Path | None = None,
    predictions: Path | None = None,
    trainer: Trainer | None = None,
    executor: ExecutorFactory | None = None,
    progress: bool = True,
) -> list[Result]:
    """Evaluate several recipes at several numbers of images per class, all on the same draws.

    Args:
        recipes: what to train.
        data: all images, with a test part of its own or without.
        per_class: labelled images per class to train on; None: all.
        protocol: as for `evaluate`; its `per_class` is replaced.
        jobs: training runs at a time, as for `evaluate`.
        device: as for `train`.
        log: JSON-lines file of the runs, as for `evaluate`.
        predictions: folder of the per-image predictions, as for `evaluate`.
        trainer: called instead of `handful.train`.
        executor: makes the executor that runs the jobs; None: processes of this machine.
        progress: show a progress bar over the runs.

    Returns:
        One result per number of images and recipe: all recipes at the first number, then at the second, and so on.
        Two results at the same number are paired: `paired_difference` compares them.

    Raises:
        ProtocolError, DataError, RecipeError: before the first training starts.
        TrainingError: a run did not train, or a worker process died.

    Example:
        >>> from handful import Protocol, load_data, load_recipe, sweep
        >>> digits = load_data("digits").select(range(100))
        >>> small = load_recipe("logistic-pixels", overrides=["name=small", "image_size=4"])
        >>> recipes = [load_recipe("logistic-pixels"), small]
        >>> results = sweep(recipes, digits, per_class=(1, 5), protocol=Protocol((0, 1)), progress=False)
        >>> [(r.runs[0].per_class, len(r.runs)) for r in results]
        [(1, 2), (1, 2), (5, 2), (5, 2)]
    """
    plans = [(recipe, replace(protocol, per_class=m)) for m in per_class for recipe in recipes]
    if not plans:
        raise ProtocolError("nothing to evaluate", remedy="name a recipe and a number of images per class.")
    return _evaluate(plans, data, Execution(jobs, device, executor, progress), log, predictions, trainer)


def _evaluate(
    plans: Sequence[tuple[Recipe, Protocol]],
    data: Dataset,
    execution: Execution,
    log: Path | None,
    predictions: Path | None,
    trainer: Trainer | None,
) -> list[Result]:
    for recipe, protocol in plans:
        if trainer is None:
            check_recipe(recipe, data, protocol)
        else:
            check(recipe)
    plans = _without_unused(plans, data)
    work = [(p, split) for p, (_, protocol) in enumerate(plans) for split in splits_of(data, protocol)]
    check_leaks([(plans[p][0], split.train, split.test) for p, split in work])
    jobs = _jobs(plans, work, data)
    store = ResultsLog(log, predictions) if log is not None else None
    keys = _keys(plans, work, trainer_name(trainer), fingerprint(data) if store is not None else "")
    runs, levels = {} if store is None else _loaded(store, keys, work), levels_of(data.tree, data.classes)
    remaining = [job for job in jobs if job.number not in runs]

    def on_finished(result: JobResult) -> None:
        i = result.job.number
        runs[i] = replace(result.run, pool=work[i][1].pool)
        if store is not None:
            store.add(keys[i], result.job.recipe, runs[i], data.classes, result.facts, levels=levels)

    if trainer is None:
        _check_unlabelled(remaining, data, execution.device)
        without = [recipe for recipe, protocol in plans if protocol.unlabelled == "none" and not protocol.transductive]
        warn_without_unlabelled(without, data)
    sizes = [(recipe.image_size, recipe.resize) for recipe, _ in plans if recipe.image_size is not None]
    with cache_images(sizes):
        run_jobs(remaining, data, on_finished, execution=execution, trainer=trainer, loaded=len(runs))
    return [
        Result(
            with_conditions(recipe, protocol.unlabelled, protocol.transductive, score_on=protocol.score_on),
            data.classes,
            tuple(runs[i] for i, (plan, _) in enumerate(work) if plan == p and i in runs),
            levels,
        )
        for p, (recipe, protocol) in enumerate(plans)
    ]


def _check_unlabelled(jobs: Sequence[TrainingJob], data: Dataset, device: str) -> None:
    """Warn, by the first run that has unlabelled images, where these look unlike its labelled ones."""
    job = next((job for job in jobs if job.unlabelled), None)
    if job is not None:
        unlabelled = data.select(job.unlabelled).without_labels()
        warn_of_foreign_images(data.select(job.train), unlabelled, device=select_device(device))


def _without_unused(plans: Sequence[tuple[Recipe, Protocol]], data: Dataset) -> list[tuple[Recipe, Protocol]]:
    """The plans, with unlabelled images only for recipes that use them, or train one that does: other recipes' runs
    keep their identity.
    """
    train = data.split("train", None)
    uses = [learns_from_unlabelled(recipe, train) for recipe, _ in plans]
    requested = [protocol.transductive or protocol.unlabelled != "none" for _, protocol in plans]
    if any(requested) and not any(uses):
        raise ProtocolError(
            "none of these recipes learns from unlabelled images",
            where=", ".join(dict.fromkeys(recipe.name for recipe, _ in plans)),
            remedy=f"leave {option('unlabelled', None)} and {option('transductive', None)} out, or use e.g. "
            "label-propagation.",
        )
    return [
        (recipe, protocol if use else replace(protocol, unlabelled="none", transductive=False))
        for (recipe, protocol), use in zip(plans, uses, strict=True)
    ]


def _jobs(
    plans: Sequence[tuple[Recipe, Protocol]], work: Sequence[tuple[int, TrainTestSplit]], data: Dataset
) -> list[TrainingJob]:
    """A job for each plan's number and split, numbered from 0."""
    position = {s.id: i for i, s in enumerate(data.samples)}
    jobs = []
    for i, (p, split) in enumerate(work):
        recipe, protocol = plans[p]
        unlabelled = unlabelled_samples(
            data, split.train, split.test, which=protocol.unlabelled, transductive=protocol.transductive
        )
        positions = [[position[s] for s in part.ids] for part in (split.train, split.test, unlabelled)]
        jobs.append(TrainingJob(i, recipe, split.draw, split.fold, protocol.per_class, *positions))
    return jobs


def _keys(
    plans: Sequence[tuple[Recipe, Protocol]], work: Sequence[tuple[int, TrainTestSplit]], trainer: str, data: str
) -> list[RunKey]:
    return [make_key(*plans[p], split, trainer=trainer, data=data) for p, split in work]


def _loaded(store: ResultsLog, keys: Sequence[RunKey], work: Sequence[tuple[int, TrainTestSplit]]) -> dict[int, Run]:
    """The runs that the log holds, by number."""
    done = store.done()
    runs = {}
    for i, (key, (_, split)) in enumerate(zip(keys, work, strict=True)):
        loaded = store.load(done[key]) if key in done else None
        if loaded is not None:
            runs[i] = replace(loaded[0], counts=split.train.counts, pool=split.pool)
    return runs


def trainer_name(trainer: Callable[..., object] | None) -> str:
    """The name of a trainer in logs: its attribute `name` if it has one, else the path of its class or function.

    `handful.train` keeps the name that the first logs gave it, wherever the function is defined today. Runs of two
    trainers with the same name are taken for the same experiment: a trainer with settings needs a `name` that
    contains them.
    """
    if trainer is None:
        return "handful.train.train"
    name = getattr(trainer, "name", None)
    if isinstance(name, str):
        return name
    kind = trainer if hasattr(trainer, "__qualname__") else type(trainer)
    return f"{kind.__module__}.{kind.__qualname__}"
