"""The augmentations of a recipe, applied in order, each during its share of training."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.parts import registry

Change = Callable[[Batch, torch.Generator], Batch]
Teacher = Callable[[Float[Tensor, "n 3 h w"]], Output]


class Compose:
    """A recipe's augmentation parts as one function."""

    def __init__(self, parts: Sequence[tuple[Part, Change]]) -> None:
        self.parts = tuple(parts)

    def __call__(
        self, batch: Batch, generator: torch.Generator, *, share: float, teacher: Teacher | None = None
    ) -> Batch:
        """The batch after every part that is active at this share of training.

        Args:
            batch: images with their labels.
            generator: source of the draws.
            share: of training that is done.
            teacher: the network with averaged weights, for parts that ask it.
        """
        for part, change in self.parts:
            if part.start <= share < part.stop:
                if teacher is not None and registry.has_trait("augment", part, "asks_teacher"):
                    batch = replace(batch, teacher_output=teacher(batch.images))
                batch = change(batch, generator)
        return batch
