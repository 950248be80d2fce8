"""One training run: train on some images of a data set, predict others."""

import time
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard, runtime_checkable
from typing import Protocol as Interface

import numpy as np
import torch
from jaxtyping import Float

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Run
from handful.errors import TrainingError
from handful.models.classifier import Classifier
from handful.training.train import train


@runtime_checkable
class ProbabilityModel(Interface):
    """What a trainer gives back: a `Classifier`, or anything that predicts as one."""

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Class probabilities of each sample."""


@runtime_checkable
class Trainer(Interface):
    """A training function, called as `handful.train` is."""

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> ProbabilityModel:
        """Train on every labelled sample of `data`."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """One training run; `train`, `test` and `unlabelled` (learnt from without labels) are positions in the data set."""

    number: int
    recipe: Recipe
    draw: int
    fold: int | None
    per_class: int | None
    train: list[int]
    test: list[int]
    unlabelled: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What a progress bar and an error call it."""
        words = [self.recipe.name[:24]]
        if self.per_class is not None:
            words.append(f"M={self.per_class}")
        return " ".join([*words, f"draw {self.draw}", *([f"fold {self.fold}"] if self.fold is not None else [])])


@dataclass(frozen=True, eq=False)
class JobResult:
    """A task with its run, and the facts of the machine that a log line keeps."""

    task: TrainingJob
    run: Run
    facts: dict[str, Any] = field(default_factory=dict)


def run(task: TrainingJob, data: Dataset, *, device: str, trainer: Trainer | None) -> JobResult:
    """Train and predict. The model sees the scored images without labels, masks and groups."""
    fit = train if trainer is None else trainer
    chosen, scored = data.select(task.train), data.select(task.test)
    unlabelled = data.select(task.unlabelled).without_labels()
    started = time.perf_counter()
    seen = replace(chosen, samples=(*chosen.samples, *unlabelled.samples))
    predictor = fit(task.recipe, seen, seed=task.draw, device=device, progress=False)
    seconds = time.perf_counter() - started
    images = scored.without_labels()
    probabilities = np.asarray(predictor.probabilities(images), dtype=np.float32)
    if not np.isfinite(probabilities).all():
        raise TrainingError(
            "some predicted probabilities are not finite",
            where=task.name,
            remedy="lower the learning rate, or set clip in the recipe's optimizer.",
        )
    card = getattr(predictor, "card", {})
    facts = {
        "host_threads": torch.get_num_threads(),
        "device": str(card.get("device", "cpu")),
        "precision": str(card.get("precision", "none")),
    }
    result = Run(
        draw=task.draw,
        fold=task.fold,
        seed=task.draw,
        train_ids=chosen.ids,
        ids=scored.ids,
        labels=scored.labels,
        probabilities=probabilities,
        seconds=seconds,
        per_class=task.per_class,
        counts=chosen.counts,
        sets=predictor.sets(images) if _has(predictor, "conformal") else None,
        rejected=predictor.rejected(images) if _has(predictor, "out_of_distribution") else None,
    )
    return JobResult(task, result, facts)


def _has(predictor: ProbabilityModel, part: str) -> TypeGuard[Classifier]:
    return isinstance(predictor, Classifier) and predictor.wrapped_by(part) is not None
