"""A training job: train a recipe on some images of a data set, and predict others."""

import time
import typing
from dataclasses import dataclass, field, replace
from typing import Any, TypeGuard

import numpy as np
import torch
from jaxtyping import Float, Int

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Run
from handful.data.bags import bag_index, bag_labels
from handful.errors import TrainingError
from handful.evaluation.leaks import without_leaks
from handful.models.classifier import Classifier
from handful.training.train import train


@typing.runtime_checkable
class ProbabilityModel(typing.Protocol):
    """What a trainer returns: a `Classifier`, or any model with this method."""

    def probabilities(self, data: Dataset) -> Float[np.ndarray, "n k"]:
        """Class probabilities of each sample."""


@typing.runtime_checkable
class Trainer(typing.Protocol):
    """A training function, called as `handful.train` is."""

    def __call__(self, recipe: Recipe, data: Dataset, *, seed: int, device: str, progress: bool) -> ProbabilityModel:
        """Train on every labelled sample of `data`."""


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """One training run, picklable.

    `train`, `test` and `unlabelled` (learnt from, without labels) are positions in the data set. `number` is its place
    in a list of jobs.
    """

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
        """Its name in progress bars and errors."""
        words = [self.recipe.name[:24]]
        if self.per_class is not None:
            words.append(f"M={self.per_class}")
        return " ".join([*words, f"draw {self.draw}", *([f"fold {self.fold}"] if self.fold is not None else [])])


@dataclass(frozen=True, eq=False)
class JobResult:
    """A job with its run, and the facts about the machine that a log line holds."""

    job: TrainingJob
    run: Run
    facts: dict[str, Any] = field(default_factory=dict)


def run(job: TrainingJob, data: Dataset, *, device: str, trainer: Trainer | None) -> JobResult:
    """Train and predict. The model sees the scored images without labels, masks and groups. Of bags, bags are scored.

    Masks that a model propagated which may have seen the scored images are made again first (`without_leaks`).
    """
    fit = train if trainer is None else trainer
    labelled, test = data.select(job.train), data.select(job.test)
    recipe, labelled = without_leaks(job.recipe, labelled, test)
    unlabelled = data.select(job.unlabelled).without_labels()
    started = time.perf_counter()
    training_data = replace(labelled, samples=(*labelled.samples, *unlabelled.samples))
    model = fit(recipe, training_data, seed=job.draw, device=device, progress=False)
    seconds = time.perf_counter() - started
    test_images = test.without_labels()
    ids, labels, predicted = _predicted(model, test_images, test)
    probabilities = np.asarray(predicted, dtype=np.float32)
    if not np.isfinite(probabilities).all():
        raise TrainingError(
            f"some predicted {'numbers' if data.kind == 'number' else 'probabilities'} are not finite",
            where=job.name,
            remedy="lower the learning rate, or set clip in the recipe's optimizer.",
        )
    card, several = getattr(model, "card", {}), data.kind == "multilabel"
    facts = {
        "host_threads": torch.get_num_threads(),
        "device": str(card.get("device", "cpu")),
        "precision": str(card.get("precision", "none")),
    }
    result = Run(
        draw=job.draw,
        fold=job.fold,
        seed=job.draw,
        train_ids=bag_index(labelled)[0] if data.kind == "bag" else labelled.ids,
        ids=ids,
        labels=labels,
        probabilities=probabilities,
        seconds=seconds,
        per_class=job.per_class,
        counts=labelled.counts,
        sets=model.sets(test_images) if _has(model, "conformal") else None,
        rejected=model.rejected(test_images) if _has(model, "out_of_distribution") else None,
        targets=test.targets() if several else None,
        thresholds=model.thresholds if several and isinstance(model, Classifier) else None,
        numbers=test.targets() if data.kind == "number" else None,
        medians=np.nanmedian(labelled.targets(), axis=0) if data.kind == "number" else None,
        name_weight=card.get("class_names", {}).get("weight"),
    )
    return JobResult(job, result, facts)


def _predicted(
    model: ProbabilityModel, images: Dataset, test: Dataset
) -> tuple[tuple[str, ...], Int[np.ndarray, " n"], Float[np.ndarray, "n k"]]:
    """Ids, labels (-1: none, or others) and probabilities of what is scored: the images, or their bags."""
    if test.kind == "bag":
        assert isinstance(model, Classifier), "check_kind refuses other trainers"
        names, probabilities = model.bag_probabilities(images)
        return names, bag_labels(test), probabilities
    labels = test.labels if test.kind == "multiclass" else np.full(len(test), -1)
    return test.ids, labels, model.probabilities(images)


def _has(model: ProbabilityModel, part: str) -> TypeGuard[Classifier]:
    return isinstance(model, Classifier) and model.wrapped_by(part) is not None
