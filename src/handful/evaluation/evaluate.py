"""Honest scores: train a recipe on repeated draws of the data and keep every raw prediction.

The score of one training run says little when a handful of images decides it. So the draw is repeated, on the same
test images where the data set brings some, and the metrics are computed later (`handful.evaluation.statistics`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data.fingerprint import fingerprint
from handful.data.unlabelled import unlabelled_part
from handful.errors import ProtocolError
from handful.evaluation.executor import JobResult, MakePool, Trainer, TrainingJob, run_all
from handful.evaluation.protocol import Protocol as Protocol
from handful.evaluation.protocol import ScoreOn as ScoreOn
from handful.evaluation.protocol import TrainTestSplit as TrainTestSplit
from handful.evaluation.protocol import splits_of as splits_of
from handful.evaluation.results_log import ResultsLog, RunKey, make_key, with_unlabelled
from handful.evaluation.statistics import summarise as summarise
from handful.parts.registry import uses_unlabelled
from handful.recipes.checks import check

FIVE_DRAWS = Protocol()


def evaluate(
    recipe: Recipe,
    data: Dataset,
    *,
    protocol: Protocol,
    jobs: int = 1,
    device: str = "auto",
    log: Path | None = None,
    predictions: Path | None = None,
    trainer: Trainer | None = None,
    pool: MakePool | None = None,
    progress: bool = True,
) -> Result:
    """Train `recipe` once per draw (and fold) and predict the images that were left out.

    A test image's mask and label are taken away before it is predicted. Unlabelled images take no part unless the
    protocol says so.

    Args:
        recipe: what to train.
        data: everything, with its own test part or without.
        protocol: the draws, images per class, folds, and what is scored.
        jobs: training runs at a time, each in a process of its own with its share of the CPU threads.
        device: as for `train`.
        log: JSON-lines file, one line per run, written as each ends. Runs that are in it already are not repeated.
        predictions: folder of the per-image predictions; by default `<log stem>-predictions` beside the log.
        trainer: called instead of `handful.train`, for instance for a control that is no network.
        pool: who runs the jobs; None: this machine.
        progress: show a bar over the runs.

    Raises:
        ProtocolError, DataError, RecipeError: before the first training starts.
    """
    plans = [(recipe, protocol)]
    return _evaluate(plans, data, jobs, device, log, predictions, trainer, progress, pool)[0]


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
    pool: MakePool | None = None,
    progress: bool = True,
) -> list[Result]:
    """Evaluate several recipes at several numbers of images per class, all on the same draws.

    Gives one result per number (None: all images) and recipe, in that order. `protocol.per_class` is replaced; the rest
    as `evaluate`.
    """
    plans = [(recipe, replace(protocol, per_class=m)) for m in per_class for recipe in recipes]
    if not plans:
        raise ProtocolError("nothing to evaluate", remedy="name a recipe and a number of images per class.")
    return _evaluate(plans, data, jobs, device, log, predictions, trainer, progress, pool)


def _evaluate(
    plans: Sequence[tuple[Recipe, Protocol]],
    data: Dataset,
    jobs: int,
    device: str,
    log: Path | None,
    predictions: Path | None,
    trainer: Trainer | None,
    progress: bool,
    pool: MakePool | None,
) -> list[Result]:
    if jobs < 1:
        raise ProtocolError(f"cannot run {jobs} jobs at a time", remedy="use 1 or more.")
    for recipe, _ in plans:
        check(recipe)
    plans = _reduced(plans)
    work = [
        (p, recipe, protocol, cell) for p, (recipe, protocol) in enumerate(plans) for cell in splits_of(data, protocol)
    ]
    beside = [
        unlabelled_part(data, cell.train, cell.test, which=protocol.unlabelled, transductive=protocol.transductive)
        for _, _, protocol, cell in work
    ]
    store = ResultsLog(log, predictions) if log is not None else None
    name = trainer_name(trainer)
    content = fingerprint(data) if store is not None else ""
    done = store.done() if store is not None else {}
    keys = [key_of(recipe, protocol, cell, name, content) for _, recipe, protocol, cell in work]
    runs: dict[int, Run] = {}
    if store is not None:
        for i, key in enumerate(keys):
            loaded = store.load(done[key]) if key in done else None
            if loaded is not None:
                runs[i] = replace(loaded[0], counts=work[i][3].train.counts)
    position = {s.id: i for i, s in enumerate(data.samples)}
    tasks = []
    for i, (_, recipe, protocol, cell) in enumerate(work):
        if i not in runs:
            places = [[position[s] for s in part.ids] for part in (cell.train, cell.test, beside[i])]
            tasks.append(TrainingJob(i, recipe, cell.draw, cell.fold, protocol.per_class, *places))

    def keep(finished: JobResult) -> None:
        i = finished.task.number
        runs[i] = finished.run
        if store is not None:
            store.add(keys[i], finished.task.recipe, finished.run, data.classes, finished.facts)

    how: dict[str, Any] = {"jobs": jobs, "device": device, "trainer": trainer, "pool": pool}
    run_all(tasks, data, keep, loaded=len(runs), progress=progress, **how)
    return [
        Result(
            with_unlabelled(recipe, protocol.unlabelled, transductive=protocol.transductive),
            data.classes,
            tuple(runs[i] for i, item in enumerate(work) if item[0] == p),
        )
        for p, (recipe, protocol) in enumerate(plans)
    ]


def _reduced(plans: Sequence[tuple[Recipe, Protocol]]) -> list[tuple[Recipe, Protocol]]:
    """The plans, unlabelled images only for the recipes that use them: the others' runs stay what they are."""
    uses = [uses_unlabelled(recipe) for recipe, _ in plans]
    asked = [protocol.transductive or protocol.unlabelled != "none" for _, protocol in plans]
    if any(asked) and not any(uses):
        raise ProtocolError(
            "no recipe here learns from unlabelled images",
            where=", ".join(dict.fromkeys(recipe.name for recipe, _ in plans)),
            remedy="leave unlabelled and transductive out, or take e.g. label-propagation-lite0.",
        )
    return [
        (recipe, protocol if use else replace(protocol, unlabelled="none", transductive=False))
        for (recipe, protocol), use in zip(plans, uses, strict=True)
    ]


def key_of(recipe: Recipe, protocol: Protocol, cell: TrainTestSplit, trainer: str, data: str) -> RunKey:
    """What makes this run the same experiment as another: `trainer` is its name, `data` the data's fingerprint."""
    return make_key(
        recipe,
        trainer=trainer,
        data=data,
        train_ids=cell.train.ids,
        test_ids=cell.test.ids,
        draw=cell.draw,
        fold=cell.fold,
        folds=protocol.folds,
        per_class=protocol.per_class,
        score_on=protocol.score_on,
        long_tail=protocol.long_tail,
        tail_order=None if protocol.long_tail is None else protocol.tail_order,
        unlabelled=None if protocol.unlabelled == "none" else protocol.unlabelled,
        transductive=protocol.transductive or None,
    )


def trainer_name(trainer: Callable[..., object] | None) -> str:
    """A trainer's name in a log: its `name` if it has one, else its class or function.

    `handful.train` has the name that the first logs gave it, wherever the function lies today.

    Runs of trainers of one name are the same experiment: what has settings of its own needs a `name` that tells them.
    """
    if trainer is None:
        return "handful.train.train"
    own = getattr(trainer, "name", None)
    if isinstance(own, str):
        return own
    kind = trainer if hasattr(trainer, "__qualname__") else type(trainer)
    return f"{kind.__module__}.{kind.__qualname__}"
