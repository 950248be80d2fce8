"""Estimated time of training runs, from the first steps on this machine, and the sentence that says it."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

import torch

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.unlabelled import unlabelled_samples
from handful.errors import HandfulError
from handful.evaluation.protocol import Protocol, TrainTestSplit, splits_of
from handful.parts.registry import has_trait, options
from handful.recipes.cheaper import cheaper_than
from handful.recipes.nested_runs import learns_from_unlabelled
from handful.training.schedule import total_steps
from handful.training.timing import time_first_steps
from handful.training.train import nested_fit

STEPS = 4
WORTH_SAYING = 10.0  # seconds from which on the time of a training is said
FEWEST = 50  # steps of all runs together; with fewer the estimate itself would take as long
LONG = 120.0  # seconds from which on a cheaper recipe is named


def training_seconds(recipe: Recipe, data: Dataset, *, seed: int = 0, device: str = "auto", jobs: int = 1) -> float:
    """Seconds that one run would take: set-up, and all steps at the pace of the first ones, for each of its networks.

    Args:
        recipe: a recipe with stages.
        data: the training images of a run.
        seed: of the run.
        device: as for `train`.
        jobs: runs at a time, which share the threads of the processor.

    Raises:
        DataError, RecipeError, TrainingError: as `train`, before its first step.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(max(1, threads // jobs))
    try:
        fit = nested_fit(device, progress=False)
        times = time_first_steps(recipe, data, seed=seed, device=device, fit=fit, steps=STEPS)
    finally:
        torch.set_num_threads(threads)
    return times.total * networks(recipe, data)


def networks(recipe: Recipe, data: Dataset) -> int:
    """How many networks a run trains: its own, those of calibration folds, and further members of an ensemble."""
    fewest = int(data.counts.min())
    folds, members = set(), 1
    for part in recipe.posthoc:
        values = {name: option.default for name, option in options("posthoc", part.name).items()} | dict(part.options)
        if has_trait("posthoc", part, "calibrates") and fewest > 1:
            folds.add(min(int(values["folds"]), fewest))
        members = max(members, int(values.get("members") or 1), len(values.get("recipes") or ()))
    return members * (1 + sum(folds))


class TimeNotice:
    """Says once how long a training takes, after its first steps; called as the log of `train`.

    Args:
        recipe: what is trained.
        data: its training images.
        say: called with the sentences.
        then: the log that gets every step as well.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Dataset,
        say: Callable[[str], None],
        then: Callable[[Mapping[str, float], int], None] | None = None,
    ) -> None:
        self.recipe, self.say, self.then = recipe, say, then
        self.total = total_steps(recipe, len(data), len(data.supervised()))
        self.networks = networks(recipe, data)
        self.times: list[float] = []

    def __call__(self, values: Mapping[str, float], step: int) -> None:
        """Time a step that has ended."""
        if self.then is not None:
            self.then(values, step)
        if len(self.times) > STEPS:
            return
        self.times.append(time.monotonic())
        if len(self.times) == STEPS + 1:
            each = (self.times[-1] - self.times[0]) / STEPS
            left = each * (self.total - step + self.total * (self.networks - 1))
            more = f" ({self.networks} networks)" if self.networks > 1 else ""
            for sentence in time_sentences(self.recipe, f"Training {self.recipe.name}{more}", left):
                self.say(sentence)


def evaluation_sentences(
    recipe: Recipe, data: Dataset, splits: Sequence[TrainTestSplit], protocol: Protocol, *, jobs: int, device: str
) -> tuple[str, ...]:
    """How long the trainings of an evaluation take at most; nothing for a few steps, or a head that is only fitted.

    Args:
        recipe: what is evaluated.
        data: all images.
        splits: what `splits_of` gives for the data and the protocol.
        protocol: says which unlabelled images are learned from.
        jobs: runs at a time.
        device: as for `train`.

    Raises:
        DataError, RecipeError, TrainingError: as `train`, before its first step.
    """
    split = splits[0]
    if total_steps(recipe, len(split.train)) * len(splits) < FEWEST:
        return ()
    train = split.train
    if learns_from_unlabelled(recipe, train):
        which, transductive = protocol.unlabelled, protocol.transductive
        more = unlabelled_samples(data, train, split.test, which=which, transductive=transductive)
        train = replace(train, samples=(*train.samples, *more.without_labels().samples))
    at_once = min(jobs, len(splits))
    each = training_seconds(recipe, train, seed=split.draw, device=device, jobs=at_once)
    seconds = each * math.ceil(len(splits) / at_once)
    what = f"{len(splits)} trainings of {recipe.name}" if len(splits) > 1 else f"Training {recipe.name}"
    return time_sentences(recipe, what, seconds)


def comparison_seconds(
    recipes: Sequence[Recipe], data: Dataset, protocols: Sequence[Protocol], *, jobs: int, device: str
) -> float:
    """Seconds that the scored trainings of a comparison take; recipes that cannot be trained take none.

    Args:
        recipes: what is compared; heads that are only fitted are left out.
        data: all images.
        protocols: one for each number of images per class.
        jobs: runs at a time.
        device: as for `train`.
    """
    seconds = 0.0
    for protocol in protocols:
        splits = list(splits_of(data, protocol))
        for recipe in recipes:
            if total_steps(recipe, len(splits[0].train)) * len(splits) >= FEWEST:
                with suppress(HandfulError):  # the comparison says why
                    each = training_seconds(recipe, splits[0].train, seed=splits[0].draw, device=device, jobs=jobs)
                    seconds += each * len(splits) / jobs
    return seconds


def time_sentences(recipe: Recipe, what: str, seconds: float) -> tuple[str, ...]:
    """How long training takes, and for a long one which recipe is cheaper and how the two compare.

    Args:
        recipe: what is trained.
        what: is said to take so long.
        seconds: that it takes; a few are not worth saying.
    """
    if seconds < WORTH_SAYING:
        return ()
    early = any(stage.stopping_threshold is not None for stage in recipe.stages)
    first = f"{what}: {'at most' if early else 'about'} {in_words(seconds)} on this machine."
    cheaper = cheaper_than(recipe) if seconds > LONG else None
    return (first,) if cheaper is None else (first, cheaper)


def in_words(seconds: float) -> str:
    """A duration as one says it: tens of seconds, minutes, or hours."""
    if seconds < 90:
        return f"{max(10, 10 * round(seconds / 10))} seconds"
    minutes = round(seconds / 60)
    return f"{minutes} minutes" if minutes < 90 else f"{seconds / 3600:.1f} hours"
