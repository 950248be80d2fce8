"""Batches of a training stage: which images a step sees, augmented, as a function of (seed, stage, step)."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from accelerate import Accelerator
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.recipe import View
from handful.core.tensors import Batch, Output, any_labelled
from handful.parts.traits import stage_uses_unlabelled
from handful.training.assembly import Assembly
from handful.training.distributed import own_rows
from handful.training.schedule import stage_order, step_generator, unlabelled_order, view_generator
from handful.training.setup import Setup


@dataclass(frozen=True, eq=False)
class StepInput:
    """What one step sees: this process's rows of a batch.

    Attributes:
        batch: the images, augmented, with the stage's further views.
        maps: those of the frozen stages, where they are cached.
        images: size of the batch over all processes; of its labelled images, where there are two streams.
        unlabelled: unlabelled images of the batch over all processes, where there are two streams.
    """

    batch: Batch
    maps: Float[Tensor, "n c h2 w2"] | None
    images: int
    unlabelled: int = 0


class BatchSource:
    """The one place that decides what a step sees; it holds no state, so that a resumed run gets the same batches.

    With a stream of unlabelled images, a batch holds its labelled images first, then the unlabelled ones.
    """

    def __init__(self, setup: Setup, assembly: Assembly, number: int) -> None:
        self.setup, self.assembly, self.number = setup, assembly, number
        self.stage, self.plan = setup.recipe.stages[number], setup.plan.stages[number]
        self.classes = len(setup.data.classes)
        self.starts = np.cumsum([0, *self.plan.batch_sizes])
        labels = setup.tensors.labels.cpu().numpy()
        supervised = setup.tensors.supervised.cpu().numpy()
        self.unlabelled = np.flatnonzero(~supervised)
        apart = self.plan.unlabelled or not stage_uses_unlabelled(setup.recipe, self.stage)
        self.labelled = np.flatnonzero(supervised) if apart else np.arange(len(labels))
        if self.stage.sampler == "masked":
            self.labelled = self.labelled[self._has_mask()[self.labelled] == 1]
        drawn_by = self._has_mask() if self.stage.sampler == "masks" else labels
        self.labels = drawn_by[self.labelled].tobytes()
        self.unlabelled_starts = np.cumsum([0, *self.plan.unlabelled])
        self.rows = own_rows(setup.accelerator)
        averaged = self.assembly.averaged
        self.teacher = None if averaged is None else partial(teacher_output, averaged, setup.accelerator)

    def batch(self, step: int) -> StepInput:
        """The input of a step of this stage."""
        setup, cached = self.setup, self.assembly.views
        index = self._index(step)
        unlabelled = self._unlabelled_index(step)
        both = index if unlabelled is None else np.concatenate([index, unlabelled])
        chosen = torch.from_numpy(both).to(setup.device)
        generator = step_generator(setup.seed, self.number, step, setup.device)
        if cached is None:
            share = (setup.plan.before(self.number) + step) / setup.plan.total
            plain, maps = replace(setup.tensors.batch(chosen, self.classes), progress=step / self.plan.steps), None
            batch = self.assembly.augment(plain, generator, share=share, teacher=self.teacher)
            views = tuple(self._view(i, step, plain, batch, share) for i in range(len(self.stage.views)))
        else:
            batch, maps = cached.batch(chosen, self.classes, generator)
            views = ()
        batch = replace(batch, progress=step / self.plan.steps, views=views)
        if self.rows is not None:
            batch, maps = batch.rows(self.rows), None if maps is None else maps[self.rows]
        return StepInput(batch, maps, len(index), 0 if unlabelled is None else len(unlabelled))

    def _has_mask(self) -> Int[np.ndarray, " n"]:
        """1 for each image that has a mask, else 0."""
        maps = self.setup.tensors.pixel_labels
        if maps is None:
            return np.zeros(len(self.setup.tensors), dtype=np.int64)
        return any_labelled(maps).cpu().numpy().astype(np.int64)

    def _view(self, number: int, step: int, plain: Batch, first: Batch, share: float) -> Batch:
        """A further view of a batch.

        Args:
            number: of the view.
            step: of the stage.
            plain: the batch before augmentation.
            first: its first view.
            share: of training that is done.
        """
        view: View = self.stage.views[number]
        batch = plain if view.source == "image" else first
        if view.of == "unlabelled":
            batch = batch.rows(batch.labels < 0)
        generator = view_generator(self.setup.seed, self.number, step, number, self.setup.device)
        return self.assembly.further[self.number][number](batch, generator, share=share)

    def _index(self, step: int) -> Int[np.ndarray, " b"]:
        """Positions of the images of a step; of the labelled ones, where there are two streams."""
        epoch, at = divmod(step, len(self.plan.batch_sizes))
        length = self.plan.epoch_length
        order = stage_order(self.stage, self.setup.seed, self.number, epoch, self.labels, length)
        index: Int[np.ndarray, " b"] = self.labelled[order[self.starts[at] : self.starts[at + 1]]]
        return index

    def _unlabelled_index(self, step: int) -> Int[np.ndarray, " u"] | None:
        """Positions of the unlabelled images of a step; None: they are no stream of their own."""
        if not self.plan.unlabelled:
            return None
        epoch, at = divmod(step, len(self.plan.unlabelled))
        start = epoch * int(self.unlabelled_starts[-1]) + int(self.unlabelled_starts[at])
        count, n = self.plan.unlabelled[at], len(self.unlabelled)
        index: Int[np.ndarray, " u"] = self.unlabelled[unlabelled_order(self.setup.seed, self.number, start, count, n)]
        return index


def teacher_output(
    averaged: nn.Module,
    accelerator: Accelerator,
    images: Float[Tensor, "n 3 h w"],
    maps: Float[Tensor, "n c h2 w2"] | None = None,
) -> Output:
    """The output of the network with averaged weights, in evaluation mode and without gradient.

    Args:
        averaged: that network.
        accelerator: its precision.
        images: augmented.
        maps: those of the frozen stages, where they are cached.
    """
    with torch.no_grad(), accelerator.autocast():
        output: Output = averaged(images, maps)
    return output
