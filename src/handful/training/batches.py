"""Batches of a training stage: which images a step sees, augmented, as a function of (seed, stage, step)."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from handful.core.tensors import Batch
from handful.training.assembly import Assembly
from handful.training.distributed import own_rows
from handful.training.schedule import stage_order, step_generator
from handful.training.setup import Setup


@dataclass(frozen=True, eq=False)
class StepInput:
    """What one step sees: this process's rows of a batch.

    `maps` are those of the frozen stages, where they are cached. `images` counts the batch over all processes.
    """

    batch: Batch
    maps: Float[Tensor, "n c h2 w2"] | None
    images: int


class BatchSource:
    """The one place that decides what a step sees; it holds no state, so that a resumed run gets the same batches.

    Further views of the images, a second stream of unlabelled ones, or a teacher's predictions would be added to the
    batch here.
    """

    def __init__(self, setup: Setup, assembly: Assembly, number: int) -> None:
        self.setup, self.assembly, self.number = setup, assembly, number
        self.classes = len(setup.data.classes)
        self.starts = np.cumsum([0, *setup.plan.batch_sizes])
        self.labels = setup.tensors.labels.cpu().numpy().tobytes()
        self.rows = own_rows(setup.accelerator)

    def batch(self, step: int) -> StepInput:
        """The input of a step of this stage."""
        setup, views = self.setup, self.assembly.views
        index = self._index(step)
        chosen = torch.from_numpy(index).to(setup.device)
        generator = step_generator(setup.seed, self.number, step, setup.device)
        if views is None:
            share = (setup.plan.before(self.number) + step) / setup.plan.total
            batch = self.assembly.augment(setup.tensors.batch(chosen, self.classes), generator, share=share)
            maps = None
        else:
            batch, maps = views.batch(chosen, self.classes, generator)
        if self.rows is not None:
            batch, maps = batch.rows(self.rows), None if maps is None else maps[self.rows]
        return StepInput(batch, maps, len(index))

    def _index(self, step: int) -> Int[np.ndarray, " b"]:
        """Positions of the images of a step."""
        setup = self.setup
        epoch, at = divmod(step, len(setup.plan.batch_sizes))
        stage = setup.recipe.stages[self.number]
        order = stage_order(stage, setup.seed, self.number, epoch, self.labels, setup.plan.epoch_length)
        return order[self.starts[at] : self.starts[at + 1]]
