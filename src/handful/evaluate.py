"""Honest scores: train a recipe on repeated draws of the data and keep every raw prediction.

The score of one training run says little when a handful of images decides it. So the draw is repeated, on the same
test images where the data set brings some, and the metrics are computed later (`handful.statistics`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from handful.data import splits
from handful.data.fingerprint import fingerprint
from handful.data.long_tail import Order, class_balanced, long_tail
from handful.errors import ProtocolError
from handful.recipes import check
from handful.results import Key, Store, make_key
from handful.statistics import summarise as summarise
from handful.types import Dataset, Recipe, Result, Run
from handful.workers import Finished, Task, Trainer, run_all

ScoreOn = Literal["test", "rest"]


@dataclass(frozen=True)
class Protocol:
    """How a recipe is scored.

    Attributes:
        draws: numbers of the draws. A draw's number decides which images are drawn (or how the folds are cut) and
            seeds the training.
        per_class: M, labelled images per class to train on; None takes all.
        folds: cut the training part into this many folds, stratified, groups kept whole; again for each draw.
        long_tail: rho: draw a long tail, in which `per_class` is the images of the largest class and the smallest has
            one for each rho of these; what is scored is then cut to as many images of each class.
        tail_order: which classes are large: the first ones ("classes"), or others in each draw ("seeded").
        score_on: "test": the test part the data brings; where it brings none, what was left out of training (a
            fold, or the rest of the pool), so that train and test are re-split with each draw. "rest": always the
            training images that were left out; for development, when the test part must stay unseen.
    """

    draws: tuple[int, ...] = (0, 1, 2, 3, 4)
    per_class: int | None = None
    folds: int | None = None
    score_on: ScoreOn = "test"
    long_tail: float | None = None
    tail_order: Order = "classes"

    def __post_init__(self) -> None:
        """Refuse what cannot be a protocol."""
        if not self.draws or len(set(self.draws)) < len(self.draws) or min(self.draws) < 0:
            raise ProtocolError(
                "draws must be different numbers from 0 up", where=f"draws={self.draws}", remedy="e.g. (0, 1, 2, 3, 4)."
            )
        if self.score_on not in ("test", "rest"):
            raise ProtocolError(f"cannot score on {self.score_on!r}", remedy='choose "test" or "rest".')
        if self.tail_order not in ("classes", "seeded"):
            raise ProtocolError(f"no order {self.tail_order!r}", where="tail_order", remedy='"classes" or "seeded".')
        if self.long_tail is not None and self.folds is not None:
            raise ProtocolError(
                "a long tail is drawn, and folds are cut",
                where=f"long_tail={self.long_tail:g}, folds={self.folds}",
                remedy="leave one of them out.",
            )
        if self.long_tail is None and self.tail_order != "classes":
            raise ProtocolError("there is no long tail to order", where="tail_order", remedy="e.g. long_tail=100.")


@dataclass(frozen=True, eq=False)
class Cell:
    """One training run to be: what it trains on and what it is scored on."""

    draw: int
    fold: int | None
    train: Dataset
    test: Dataset


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
    progress: bool = True,
) -> Result:
    """Train `recipe` once per draw (and fold) and predict the images that were left out.

    A test image's mask and label are taken away before it is predicted. Unlabelled images take no part.

    Args:
        recipe: what to train.
        data: everything, with its own test part or without.
        protocol: the draws, images per class, folds, and what is scored.
        jobs: training runs at a time, each in a process of its own with its share of the CPU threads.
        device: as for `train`.
        log: JSON-lines file, one line per run, written as each ends. Runs that are in it already are not repeated.
        predictions: folder of the per-image predictions; by default `<log stem>-predictions` beside the log.
        trainer: called instead of `handful.train.train`, for instance for a control that is no network.
        progress: show a bar over the runs.

    Raises:
        ProtocolError, DataError, RecipeError: before the first training starts.
    """
    plans = [(recipe, protocol)]
    return _evaluate(plans, data, jobs, device, log, predictions, trainer, progress)[0]


def sweep(
    recipes: Sequence[Recipe],
    data: Dataset,
    *,
    per_class: Sequence[int] = (1, 5, 10),
    protocol: Protocol = Protocol(),
    jobs: int = 1,
    device: str = "auto",
    log: Path | None = None,
    predictions: Path | None = None,
    trainer: Trainer | None = None,
    progress: bool = True,
) -> list[Result]:
    """Evaluate several recipes at several numbers of images per class, all on the same draws.

    Gives one result per number and recipe, in that order. `protocol.per_class` is replaced; the rest as `evaluate`.
    """
    plans = [(recipe, replace(protocol, per_class=m)) for m in per_class for recipe in recipes]
    if not plans:
        raise ProtocolError("nothing to evaluate", remedy="name a recipe and a number of images per class.")
    return _evaluate(plans, data, jobs, device, log, predictions, trainer, progress)


def cells(data: Dataset, protocol: Protocol) -> list[Cell]:
    """The training runs of a protocol, split but not trained.

    Raises:
        ProtocolError: the protocol leaves nothing to score, or would score on something other than it says.
        DataError: a class has too few images for it.
    """
    brings_test = any(s.split == "test" for s in data.samples)
    fixed = splits.test_part(data) if brings_test and protocol.score_on == "test" else None
    if protocol.folds is not None:
        if fixed is not None:
            raise ProtocolError(
                "the data has a test part, and folds would leave it out",
                where=f"folds={protocol.folds}",
                remedy='leave out the folds, or say score_on="rest" to cross-validate on the training part.',
            )
        found = []
        for draw in protocol.draws:
            for fold, (train, held) in enumerate(splits.folds(data, protocol.folds, draw)):
                if protocol.per_class is not None:
                    train = splits.draw(train, protocol.per_class, draw)[0]
                found.append(Cell(draw, fold, train, held))
        return found
    if protocol.long_tail is not None and protocol.per_class is None:
        raise ProtocolError(
            "a long tail needs the number of images of its largest class",
            where=f"long_tail={protocol.long_tail:g}",
            remedy="give per_class as well (--per-class 50).",
        )
    if protocol.per_class is None:
        if fixed is None:
            raise ProtocolError(
                "every labelled image would be trained on, and none is left to score",
                where=f'score_on="{protocol.score_on}"',
                remedy="cross-validate (folds=5), or give the number of images per class.",
            )
        pool = splits.training_part(data)
        train = pool.select([i for i, s in enumerate(pool.samples) if s.label is not None])
        return [Cell(draw, None, train, fixed) for draw in protocol.draws]
    found = []
    for draw in protocol.draws:
        if protocol.long_tail is None:
            train, rest = splits.draw(data, protocol.per_class, draw)
            test = rest if fixed is None else fixed
        else:
            order = protocol.tail_order
            train, rest = long_tail(data, protocol.per_class, protocol.long_tail, draw, order=order)
            test = class_balanced(rest, draw) if fixed is None else class_balanced(fixed, 0)
        if not len(test):
            raise ProtocolError(
                "the draw takes every labelled image, and none is left to score",
                where=f"per_class={protocol.per_class}",
                remedy="draw fewer per class, or cross-validate (folds=5).",
            )
        found.append(Cell(draw, None, train, test))
    return found


def _evaluate(
    plans: Sequence[tuple[Recipe, Protocol]],
    data: Dataset,
    jobs: int,
    device: str,
    log: Path | None,
    predictions: Path | None,
    trainer: Trainer | None,
    progress: bool,
) -> list[Result]:
    if jobs < 1:
        raise ProtocolError(f"cannot run {jobs} jobs at a time", remedy="use 1 or more.")
    for recipe, _ in plans:
        check(recipe)
    work = [(p, recipe, protocol, cell) for p, (recipe, protocol) in enumerate(plans) for cell in cells(data, protocol)]
    store = Store(log, predictions) if log is not None else None
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
            train, test = ([position[s] for s in part.ids] for part in (cell.train, cell.test))
            tasks.append(Task(i, recipe, cell.draw, cell.fold, protocol.per_class, train, test))

    def keep(finished: Finished) -> None:
        i = finished.task.number
        runs[i] = finished.run
        if store is not None:
            store.add(keys[i], finished.task.recipe, finished.run, data.classes, finished.facts)

    run_all(tasks, data, keep, jobs=jobs, device=device, trainer=trainer, loaded=len(runs), progress=progress)
    return [
        Result(recipe, data.classes, tuple(runs[i] for i, item in enumerate(work) if item[0] == p))
        for p, (recipe, _) in enumerate(plans)
    ]


def key_of(recipe: Recipe, protocol: Protocol, cell: Cell, trainer: str, data: str) -> Key:
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
    )


def trainer_name(trainer: Callable[..., object] | None) -> str:
    """A trainer's name in a log; None is `handful.train.train`."""
    if trainer is None:
        return "handful.train.train"
    kind = trainer if hasattr(trainer, "__qualname__") else type(trainer)
    return f"{kind.__module__}.{kind.__qualname__}"
