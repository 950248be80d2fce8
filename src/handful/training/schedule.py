"""Training schedule: batches, sampling order, augmentation seed and learning rate as pure functions of the step."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int

from handful.core.recipe import Recipe, Schedule, Stage
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
class StepPlan:
    """Sizes of an epoch's batches, and the optimizer steps of each stage."""

    batch_sizes: tuple[int, ...]
    stage_steps: tuple[int, ...]

    @property
    def epoch_length(self) -> int:
        """Images in an epoch; with `fill_batch` an image may be in it several times."""
        return sum(self.batch_sizes)

    @property
    def total(self) -> int:
        """Optimizer steps of all stages."""
        return sum(self.stage_steps)

    def before(self, stage: int) -> int:
        """Optimizer steps of the stages before this one."""
        return sum(self.stage_steps[:stage])


def plan_steps(recipe: Recipe, n: int) -> StepPlan:
    """Batches and steps of a training on n images."""
    length = max(n, recipe.batch_size if recipe.fill_batch else 0)
    sizes = batch_sizes(length, recipe.batch_size)
    return StepPlan(tuple(sizes), tuple(stage_steps(stage, len(sizes)) for stage in recipe.stages))


def total_steps(recipe: Recipe, n: int) -> int:
    """Optimizer steps of a whole training on n images."""
    return plan_steps(recipe, n).total


def step_generator(seed: int, stage: int, step: int, device: torch.device) -> torch.Generator:
    """Random generator of one step's augmentation."""
    return torch.Generator(device).manual_seed(derive_seed(seed, Stream.AUGMENT, stage, step))


@lru_cache(maxsize=1)
def epoch_order(seed: int, stage: int, epoch: int, n: int, length: int) -> Int[np.ndarray, " length"]:
    """Indices of one epoch: a permutation of n images, or several in a row until `length` are there.

    Every step of an epoch asks for it, so the last one is cached: not to be written to.
    """
    rng = np.random.default_rng([seed, Stream.ORDER, stage, epoch])
    rounds = [rng.permutation(n) for _ in range(math.ceil(length / n))]
    return np.concatenate(rounds)[:length]


def stage_order(
    stage: Stage, seed: int, number: int, epoch: int, labels: bytes, length: int
) -> Int[np.ndarray, " length"]:
    """Indices of one epoch of a stage, drawn by its sampler.

    `labels`: the bytes of the images' int64 labels; they are looked up in every step, and bytes keep their hash.
    """
    if stage.sampler == "shuffle":
        return epoch_order(seed, number, epoch, len(labels) // 8, length)
    return sampled_order(seed, number, epoch, labels, length, 0.0 if stage.sampler == "balanced" else 0.5)


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
