"""What would help most, measured on the images at hand: more images, unlabelled images, or more time.

More images: the selected recipe is cross-validated again on half of each fold's training images. The step from half to
all is continued: if the error follows a power law (Hestness et al. 2017, https://arxiv.org/abs/1712.00409), error(2n) /
error(n) = error(n) / error(n/2). Unlabelled images: the other half is given without its labels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from handful.automl.budget import Budget, budget_option
from handful.automl.candidate_runner import NotTried
from handful.automl.candidates import PROMISING
from handful.automl.result import Advice, ClassScore
from handful.core.dataset import Dataset
from handful.core.progress import Progress
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data.splits import random_key
from handful.evaluation.job import TrainingJob, run
from handful.evaluation.score_table import pooled_accuracy
from handful.recipes.backbone_names import split_name

SMALLEST = 4  # images of each class in a fold that can be halved
MOST_REPEATS = 2
LEAST = 0.005  # gain worth naming


class Halved:
    """The selected recipe and others, trained on half of the images of each fold.

    Args:
        result: of the selected recipe: gives the folds.
        data: the training images.
        device: as for `train`.
        budget: of the whole run: nothing is trained after it.
    """

    def __init__(self, result: Result, data: Dataset, *, device: str, budget: Budget) -> None:
        self.recipe, self.data, self.device, self.budget = result.recipe, data, device, budget
        draws = sorted({run.draw for run in result.runs})[:MOST_REPEATS]
        self.runs = [run for run in result.runs if run.draw in draws]
        self._selected: float | None = None

    @property
    def possible(self) -> bool:
        """Whether every fold has enough images of each class to halve."""
        return all(run.counts is not None and run.counts.min() >= SMALLEST for run in self.runs)

    @property
    def seconds(self) -> float:
        """Time that training on half of the images takes at most: that of the runs on all of them."""
        return sum(run.seconds for run in self.runs)

    def selected(self) -> float | None:
        """Accuracy of the selected recipe, trained once however often it is asked for; None: no time was left."""
        if self._selected is None:
            self._selected = self.accuracy(self.recipe)
        return self._selected

    def accuracy(self, recipe: Recipe, *, unlabelled: bool = False) -> float | None:
        """Accuracy of a recipe, given the other half without its labels if wanted; None: no time was left."""
        done = []
        with Progress(len(self.runs), "fits", shown=None, loss=False, unit="fits") as bar:
            for run_ in self.runs:
                if not self.budget.allows(0):
                    return None
                done.append(_rerun(recipe, self.data, run_, device=self.device, unlabelled=unlabelled))
                bar.advance()
        return pooled_accuracy(done)


def more_images(halved: Halved) -> Advice | None:
    """What twice as many images should bring; None: too few to halve, or no time is left."""
    half = halved.selected() if halved.possible else None
    if half is None:
        return None
    whole = pooled_accuracy(halved.runs)
    error, before = 1 - whole, 1 - half
    gain = error - error * error / before if before > error > 0 else 0.0
    if gain < LEAST:
        return Advice(
            f"twice as many labelled images (on held-out training images {_points(whole)} of 100 are right, with half "
            f"as many {_points(half)})",
            max(0.0, gain),
            helps=False,
        )
    return Advice(
        f"twice as many labelled images: about {_points(gain)} more of 100 right (on held-out training images "
        f"{_points(whole)} of 100 are, with half as many {_points(half)})",
        gain,
    )


def unlabelled_images(recipe: Recipe, halved: Halved) -> Advice | None:
    """What as many unlabelled images as labelled ones bring to `recipe`, which uses them, measured at half the labels.

    The control is the selected recipe. None: too few to halve, or no time is left.
    """
    without = halved.selected() if halved.possible else None
    with_them = None if without is None else halved.accuracy(recipe, unlabelled=True)
    if without is None or with_them is None:
        return None
    gain = with_them - without
    if gain < 2 * LEAST:
        return Advice(
            f"images without labels (at half the labels {_points(with_them)} of 100 are right with as many of them, "
            f"{_points(without)} without)",
            gain,
            helps=False,
        )
    return Advice(
        f"images without labels, in a folder unlabelled/: as many again as labelled ones brought {_points(gain)} "
        "more of 100 right",
        gain,
    )


def weakest_class(classes: Sequence[ClassScore]) -> Advice | None:
    """The class that gains most from more images; None: all are right equally often."""
    scored = [c for c in classes if c.scored]
    if len(scored) < 2:
        return None
    worst = min(scored, key=lambda c: c.recall)
    if worst.recall > 0.99 or worst.recall > np.mean([c.recall for c in scored]) - 0.05:
        return None
    return Advice(f"more images of {worst.name} first: it is right for {_points(worst.recall)} of 100", math.nan)


def more_time(not_tried: Sequence[NotTried], describe: Callable[[str], str]) -> Advice | None:
    """A longer budget, where a network did not fit in it."""
    waiting = [n for n in not_tried if n.budget is not None]
    if not waiting:
        return None
    first = min(waiting, key=lambda n: (math.ceil((n.budget or 0) / 60), split_name(n.recipe)[0] != PROMISING))
    others = sum(budget_option(n.budget or 0) == budget_option(first.budget or 0) for n in waiting) - 1
    more = f" and {others} other{'' if others == 1 else 's'}" if others else ""
    return Advice(f"more time: {budget_option(first.budget or 0)} also tries {describe(first.recipe)}{more}", math.nan)


def _rerun(recipe: Recipe, data: Dataset, done: Run, *, device: str, unlabelled: bool = False) -> Run:
    """The run again with half of its training images of each class, the others without labels if wanted."""
    position = {s.id: i for i, s in enumerate(data.samples)}
    by_class: dict[int | None, list[str]] = {}
    for name in sorted(done.train_ids, key=lambda name: random_key(done.seed, name)):
        by_class.setdefault(data.samples[position[name]].label, []).append(name)
    half = [position[i] for names in by_class.values() for i in names[: math.ceil(len(names) / 2)]]
    rest = [position[i] for names in by_class.values() for i in names[math.ceil(len(names) / 2) :]]
    test = [position[i] for i in done.ids]
    job = TrainingJob(0, recipe, done.draw, done.fold, None, half, test, rest if unlabelled else [])
    return replace(run(job, data, device=device, trainer=None).run, counts=None)


def _points(share: float) -> str:
    return f"{100 * share:.0f}"
