"""Training schedule: batches, sampling order, augmentation seed and learning rate as pure functions of the step."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int

from handful.core.recipe import Recipe, Schedule, Stage
from handful.parts.traits import stage_uses_unlabelled
from handful.training.random_streams import Stream, derive_seed


def batch_sizes(n: int, batch_size: int) -> list[int]:
    """Sizes of one epoch's batches: no image is dropped; a remainder of one joins the batch before it.

    Batch norm cannot take a single image, so n must be at least 2.
    """
    sizes = [batch_size] * (n // batch_size)
    rest = n % batch_size
    if rest == 1 and sizes:
        sizes[-1] += 1
    elif rest:
        sizes.append(rest)
    return sizes


def stage_steps(stage: Stage, batches: int) -> int:
    """Optimizer steps of a stage: `steps`, or `epochs` x batches but at least `floor`."""
    if stage.steps is not None:
        return stage.steps
    assert stage.epochs is not None
    return max(stage.epochs * batches, stage.floor)


@dataclass(frozen=True)
class StagePlan:
    """Batches and steps of a stage.

    Attributes:
        batch_sizes: sizes of an epoch's batches; those of labelled images, where there are two streams.
        unlabelled: unlabelled images that come with each of these batches; empty: there is one stream.
        steps: optimizer steps.
    """

    batch_sizes: tuple[int, ...]
    unlabelled: tuple[int, ...]
    steps: int

    @property
    def epoch_length(self) -> int:
        """Images in an epoch; with `fill_batch` an image may be in it several times."""
        return sum(self.batch_sizes)

    @property
    def rows(self) -> tuple[int, ...]:
        """Images in each batch of an epoch, of both streams."""
        pairs = zip(self.batch_sizes, self.unlabelled or (0,) * len(self.batch_sizes), strict=True)
        return tuple(a + b for a, b in pairs)


@dataclass(frozen=True)
class StepPlan:
    """Batches and steps of each stage."""

    stages: tuple[StagePlan, ...]

    @property
    def stage_steps(self) -> tuple[int, ...]:
        """Optimizer steps of each stage."""
        return tuple(stage.steps for stage in self.stages)

    @property
    def total(self) -> int:
        """Optimizer steps of all stages."""
        return sum(self.stage_steps)

    def before(self, stage: int) -> int:
        """Optimizer steps of the stages before this one."""
        return sum(self.stage_steps[:stage])


def plan_steps(recipe: Recipe, n: int, labelled: int | None = None) -> StepPlan:
    """Batches and steps of a training on n images, of which `labelled` have a label; None: all.

    A stage that learns nothing from images without a label draws the others alone.
    """
    return StepPlan(tuple(_plan_stage(recipe, s, n, n if labelled is None else labelled) for s in recipe.stages))


def _plan_stage(recipe: Recipe, stage: Stage, n: int, labelled: int) -> StagePlan:
    images = n if stage.unlabelled is None and stage_uses_unlabelled(recipe, stage) else labelled
    sizes = batch_sizes(max(images, recipe.batch_size if recipe.fill_batch else 0), recipe.batch_size)
    ratio = stage.unlabelled
    unlabelled = () if ratio is None else tuple(max(1, round(ratio * size)) for size in sizes)
    return StagePlan(tuple(sizes), unlabelled, stage_steps(stage, len(sizes)))


def total_steps(recipe: Recipe, n: int, labelled: int | None = None) -> int:
    """Optimizer steps of a whole training on n images, of which `labelled` have a label; None: all."""
    return plan_steps(recipe, n, labelled).total


def step_generator(seed: int, stage: int, step: int, device: torch.device) -> torch.Generator:
    """Random generator of one step's augmentation."""
    return torch.Generator(device).manual_seed(derive_seed(seed, Stream.AUGMENT, stage, step))


def view_generator(seed: int, stage: int, step: int, view: int, device: torch.device) -> torch.Generator:
    """Random generator of one step's augmentation of a further view."""
    return torch.Generator(device).manual_seed(derive_seed(seed, Stream.FURTHER_VIEWS, stage, step, view))


@lru_cache(maxsize=1)
def epoch_order(seed: int, stage: int, epoch: int, n: int, length: int) -> Int[np.ndarray, " length"]:
    """Indices of one epoch: a permutation of n images, or several in a row until `length` are there.

    Every step of an epoch asks for it, so the last one is cached: not to be written to.
    """
    rng = np.random.default_rng([seed, Stream.ORDER, stage, epoch])
    rounds = [rng.permutation(n) for _ in range(math.ceil(length / n))]
    return np.concatenate(rounds)[:length]


def unlabelled_order(seed: int, stage: int, start: int, count: int, n: int) -> Int[np.ndarray, " count"]:
    """The part from `start` on of an endless stream of n images in random order: each comes once in every n."""
    first, last = start // n, (start + count - 1) // n
    rounds = [_unlabelled_round(seed, stage, number, n) for number in range(first, last + 1)]
    at = start - first * n
    return np.concatenate(rounds)[at : at + count]


@lru_cache(maxsize=2)
def _unlabelled_round(seed: int, stage: int, number: int, n: int) -> Int[np.ndarray, " n"]:
    """One permutation of the stream. A batch may lie in two, so the last two are cached: not to be written to."""
    return np.random.default_rng([seed, Stream.UNLABELLED, stage, number]).permutation(n)


def stage_order(
    stage: Stage, seed: int, number: int, epoch: int, labels: bytes, length: int
) -> Int[np.ndarray, " length"]:
    """Indices of one epoch of a stage, drawn by its sampler.

    `labels`: the bytes of the images' int64 labels, or of 1 and 0 with and without a mask for the sampler "masks". They
    are looked up in every step, and bytes keep their hash.
    """
    if stage.sampler in ("shuffle", "masked"):
        return epoch_order(seed, number, epoch, len(labels) // 8, length)
    return sampled_order(seed, number, epoch, labels, length, 0.5 if stage.sampler == "square_root" else 0.0)


@lru_cache(maxsize=1)
def sampled_order(
    seed: int, stage: int, epoch: int, labels: bytes, length: int, power: float
) -> Int[np.ndarray, " length"]:
    """Indices of one epoch in which a class of n images comes in proportion to n ** power (Kang et al. 2020, eq. 1).

    https://arxiv.org/abs/1910.09217 draws with replacement; here a class's share of the epoch is met up to one image,
    and none of its images comes again before all have. Images without a label (-1) keep their share. Not to be written
    to.
    """
    rng = np.random.default_rng([seed, Stream.ORDER, stage, epoch])
    classes, class_index, counts = np.unique(np.frombuffer(labels, np.int64), return_inverse=True, return_counts=True)
    known = classes >= 0
    weights = counts / counts.sum()
    weights[known] = weights[known].sum() * (counts[known] ** power / (counts[known] ** power).sum())
    ends = np.floor(np.cumsum(weights) * length + rng.random() * (1 - 1e-9))
    ends[-1] = length
    indices = []
    for group, quota in enumerate(np.diff(ends, prepend=0).astype(int)):
        members = np.flatnonzero(class_index == group)
        rounds = [rng.permutation(members) for _ in range(math.ceil(quota / len(members)))]
        indices.append(np.concatenate([*rounds, members[:0]])[:quota])
    return rng.permutation(np.concatenate(indices))


def learning_rate(schedule: Schedule, lr: float, share: float) -> float:
    """Learning rate at a share of the stage, in [0, 1)."""
    if share < schedule.warmup and schedule.initial is not None:
        return schedule.initial + (lr - schedule.initial) * share / schedule.warmup
    if share < schedule.warmup:
        return lr * (share + 1e-3) / (schedule.warmup + 1e-3)
    if schedule.name == "cosine":
        progress = (share - schedule.warmup) / max(1e-12, 1 - schedule.warmup)
        return lr * (schedule.final + (1 - schedule.final) * 0.5 * (1 + math.cos(math.pi * progress)))
    if schedule.name == "step":
        return lr * schedule.factor ** sum(share >= m for m in schedule.milestones)
    return lr
