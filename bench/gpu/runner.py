"""Runs a trial: all rows in one queue, several processes on the card, each result a line as soon as it is there.

What an earlier borrowing has scored is not repeated: a run is known by the key (recipe, data, split) in its line.
"""

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from bench.gpu.trial import Row, Trial
from bench.support.data import few_test_images
from bench.support.record import machine
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.fingerprint import fingerprint as data_fingerprint
from handful.data.unlabelled import unlabelled_samples
from handful.errors import HandfulError
from handful.evaluation.executor import Execution
from handful.evaluation.job import JobResult, TrainingJob
from handful.evaluation.protocol import Protocol, TrainTestSplit, splits_of
from handful.evaluation.results_log import ResultsLog, RunKey, make_key
from handful.evaluation.run_jobs import run_queue
from handful.models.classifier import Classifier
from handful.parts.traits import uses_unlabelled
from handful.recipes.write import fingerprint
from handful.training.train import train

POINTS = 40  # of a loss curve


@dataclass(frozen=True)
class WithCurve:
    """`handful.train`, which also writes how the training went: to be looked at before a score is believed.

    A line of `file` has the mean loss over each of 40 parts of the training, the warnings, and the share of training
    images that are right in the end.
    """

    name: ClassVar[str] = "handful.train.train"  # the same training
    file: Path

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> Classifier:
        """The classifier, as `handful.train` gives it."""
        losses: list[float] = []

        def log(values: Mapping[str, float], step: int) -> None:  # noqa: ARG001
            losses.append(values["loss"])

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = train(recipe, data, seed=seed, device=device, progress=progress, log=log)
        labelled = data.labelled()
        right = model.probabilities(labelled.without_labels()).argmax(axis=1) == labelled.labels
        line = {
            "name": recipe.name,
            "recipe": fingerprint(recipe),
            "draw": seed,
            "n_train": len(labelled),
            "steps": len(losses),
            "losses": [round(float(np.mean(part)), 4) for part in np.array_split(losses, POINTS) if len(part)],
            "right_in_training": round(float(right.mean()), 4),
            "warnings": sorted({str(w.message)[:300] for w in caught}),
        }
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        return model


@dataclass(frozen=True)
class Todo:
    """A run of a trial: its job, its key, and its split."""

    job: TrainingJob
    key: RunKey
    split: TrainTestSplit


def run_trial(
    trial: Trial,
    folder: Path,
    out: Path,
    *,
    earlier: Path,
    processes: int = 7,
    minutes: float = 7.0,
    device: str = "auto",
    tiny: bool = False,
) -> tuple[int, int]:
    """Run what is left of a trial, until it is done or time is up.

    Args:
        trial: what to run.
        folder: the unpacked files.
        out: where `gpu-NAME.jsonl`, its curves, its failures and its predictions go.
        earlier: lines of earlier borrowings.
        processes: runs at a time.
        minutes: no run starts that would probably end later; the longest so far is the guess.
        device: as for `train`.
        tiny: every row once, in a small network, one step: to see that the trial runs.

    Returns:
        Runs that were made, and runs that are left.

    Raises:
        DataError, ProtocolError, RecipeError: before the first run.
    """
    started = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    data = trial.load(folder)
    rows = list(trial.rows(folder))
    if tiny:
        data, rows = few_test_images(data, each=1), shrink(rows)
    store = ResultsLog(out / f"gpu-{trial.name}.jsonl", out / "predictions")
    todo = remaining(rows, data, {*ResultsLog(earlier).done(), *store.done()})
    waiting, made, longest, facts = iter(todo), 0, 0.0, machine()

    def next_job() -> TrainingJob | None:
        late = time.monotonic() - started + longest > 60 * minutes
        following = None if late else next(waiting, None)
        return None if following is None else following.job

    def finished(result: JobResult) -> None:
        nonlocal made, longest
        done = todo[result.job.number]
        made, longest = made + 1, max(longest, result.run.seconds)
        run = replace(result.run, pool=done.split.pool)
        store.add(done.key, result.job.recipe, run, data.classes, {**result.facts, "machine": facts})
        print(
            f"{result.job.name}: {float((run.predictions == run.labels).mean()):.1%}, {run.seconds:.0f} s", flush=True
        )

    run_queue(
        next_job,
        data,
        finished,
        execution=Execution(min(processes, max(1, len(todo))), device, progress=False),
        trainer=WithCurve(out / f"gpu-{trial.name}-curves.jsonl"),
        on_failed=_failed(out / f"gpu-{trial.name}-failed.jsonl"),
    )
    return made, len(todo) - made


def remaining(rows: Sequence[Row], data: Dataset, done: set[RunKey]) -> list[Todo]:
    """The runs that no line has yet: first draws first, so that what time allows compares all rows."""
    mark = data_fingerprint(data)
    position = {s.id: i for i, s in enumerate(data.samples)}
    work = [(recipe, protocol, split) for recipe, protocol in map(_asked, rows) for split in splits_of(data, protocol)]
    work.sort(key=lambda item: (item[1].draws.index(item[2].draw), item[2].fold or 0))
    todo: list[Todo] = []
    for recipe, protocol, split in work:
        key = make_key(recipe, protocol, split, trainer=WithCurve.name, data=mark)
        if key not in done:
            pile = unlabelled_samples(data, split.train, split.test, which=protocol.unlabelled, transductive=False)
            train_at, test_at, pile_at = ([position[i] for i in part.ids] for part in (split.train, split.test, pile))
            job = TrainingJob(len(todo), recipe, split.draw, split.fold, protocol.per_class, train_at, test_at, pile_at)
            todo.append(Todo(job, key, split))
    return todo


def _asked(row: Row) -> tuple[Recipe, Protocol]:
    """A row's recipe and protocol, with unlabelled images only for a recipe that uses them."""
    recipe = row.recipe()
    return recipe, row.protocol if uses_unlabelled(recipe) else replace(row.protocol, unlabelled="none")


def shrink(rows: Sequence[Row]) -> list[Row]:
    """Every row once in tiny; those that differ in rate, steps or draws alone are one row."""
    small: dict[tuple[str, tuple[str, ...]], Row] = {}
    for row in rows:
        parts = tuple(c for c in row.changes if not c.startswith(("lr=", "steps=", "epochs=")))
        small.setdefault((row.base, parts), row.tiny())
    return list(small.values())


def _failed(file: Path) -> Callable[[TrainingJob, HandfulError], None]:
    """Writes a run that did not train as a line; the others go on, and a later borrowing tries it again."""

    def write(job: TrainingJob, error: HandfulError) -> None:
        print(f"{job.name}: {error}", flush=True)
        line = {"name": job.recipe.name, "draw": job.draw, "per_class": job.per_class, "error": str(error)}
        with file.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(line) + "\n")

    return write
