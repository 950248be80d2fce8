"""One step of training: forward pass, loss, gradients and update."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from handful.core.tensors import Batch, Output
from handful.parts import registry
from handful.training.assembly import Assembly, Member
from handful.training.batches import BatchSource, StepInput, teacher_output
from handful.training.dead_features import DeadFeatureCheck
from handful.training.distributed import sum_gradients
from handful.training.optimizer import set_rate
from handful.training.random_streams import Stream, derive_seed
from handful.training.schedule import learning_rate
from handful.training.setup import Setup


class TrainingStep:
    """The steps of one stage, each of them `gradients` and then `update`.

    Passes by further networks belong in `forward`, and what is added to the losses or weighs them in `total_loss`: the
    loop around knows of neither.
    """

    def __init__(self, setup: Setup, assembly: Assembly, number: int, optimizer: torch.optim.Optimizer) -> None:
        self.setup, self.assembly, self.number, self.optimizer = setup, assembly, number, optimizer
        self.stage = setup.recipe.stages[number]
        self.steps = setup.plan.stage_steps[number]
        self.batches = BatchSource(setup, assembly, number)
        self.dead_features = DeadFeatureCheck(setup.recipe.name, number, self.steps, self.stage.optimizer.lr)
        self.reads_teacher = any(registry.has_trait("losses", part, "needs_teacher") for part in self.stage.losses)
        # Seeding all devices takes fifty times as long as seeding the CPU alone.
        self._seed_dropout = torch.default_generator.manual_seed if setup.device.type == "cpu" else torch.manual_seed

    def gradients(self, step: int) -> Float[Tensor, ""]:
        """Put the gradients of a step into the parameters, summed over the processes.

        The loss is this process's, its mean over the networks.
        """
        given = self.batches.batch(step)
        if self.reads_teacher:
            assert self.assembly.averaged is not None, "the recipe was checked"
            teacher = teacher_output(self.assembly.averaged, self.setup.accelerator, given.batch.images, given.maps)
            given = replace(given, batch=replace(given.batch, teacher_output=teacher))
        loss = self.total_loss(self.forward(given, step), given, step)
        self.backward(loss)
        return loss / len(self.assembly.members)

    def forward(self, given: StepInput, step: int) -> Output:
        """The network's output, with the dropout of this step, and that of its peers.

        All views go through a network in one pass.
        """
        images = given.batch.images
        if given.batch.views:
            images = torch.cat([images, *(view.images for view in given.batch.views)])
        outputs = []
        for number, member in enumerate(self.assembly.members):
            key = (self.setup.seed, Stream.DROPOUT, self.number, step, self.setup.accelerator.process_index)
            self._seed_dropout(derive_seed(*key, *((number,) if number else ())))
            with self.setup.accelerator.autocast():
                output: Output = member.network(images, given.maps)
            outputs.append(output)
        self.dead_features.look(outputs[0], step)
        if given.batch.views:
            outputs = [split_views(output, given.batch) for output in outputs]
        return replace(outputs[0], peers=tuple(outputs[1:])) if len(outputs) > 1 else outputs[0]

    def total_loss(self, output: Output, given: StepInput, step: int) -> Float[Tensor, ""]:
        """The sum over the networks of their losses: each learns as it would alone, but for losses that read peers."""
        outputs, total = (replace(output, peers=()), *output.peers), torch.zeros((), device=given.batch.images.device)
        for number, member in enumerate(self.assembly.members):
            own = replace(outputs[number], peers=(*outputs[number + 1 :], *outputs[:number]))
            total = total + self._network_loss(member, own, given, step)
        return total

    def _network_loss(self, member: Member, output: Output, given: StepInput, step: int) -> Float[Tensor, ""]:
        """The weighted sum of a network's losses that are active at this share of the stage, its mean over the images.

        The loss of an image is multiplied by its weight. With two streams it is the mean over the labelled images plus
        the mean over the unlabelled ones.
        """
        share = step / self.steps
        losses = zip(self.stage.losses, member.losses[self.number], strict=True)
        total = torch.zeros(len(given.batch.labels), device=given.batch.images.device)
        for part, loss in losses:
            if part.start <= share < part.stop:
                total = total + part.weight * loss(output, given.batch)
        if given.batch.weights is not None:
            total = total * given.batch.weights
        if given.unlabelled == 0:
            return total.sum() / given.images
        labelled = given.batch.supervised
        return total[labelled].sum() / given.images + total[~labelled].sum() / given.unlabelled

    def backward(self, loss: Float[Tensor, ""]) -> None:
        """Compute the gradients; those of all processes are added up."""
        accelerator = self.setup.accelerator
        self.optimizer.zero_grad()
        if accelerator.scaler is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            accelerator.backward(loss)
        for member in self.assembly.members:
            sum_gradients(member.network, accelerator)

    def update(self, step: int) -> float:
        """Move the parameters, and their average, by the gradients that are there; gives the learning rate."""
        network, wanted = self.assembly.network, self.stage.optimizer
        rate = learning_rate(self.stage.schedule, wanted.lr, step / self.steps)
        set_rate(self.optimizer, rate)
        if wanted.clip is not None:
            self.setup.accelerator.clip_grad_norm_(network.parameters(), wanted.clip)
            for peer in self.assembly.peers:  # the line above has unscaled the gradients of all
                torch.nn.utils.clip_grad_norm_(peer.network.parameters(), wanted.clip)
        self.optimizer.step()
        if self.assembly.average is not None:
            self.assembly.average.update(network, self.setup.plan.before(self.number) + step + 1)
        return rate


def split_views(output: Output, batch: Batch) -> Output:
    """The output on the first view, with those on the further views of the batch, from that on all of them in a row."""
    start = len(batch.labels)
    first, views = output.rows(slice(0, start)), []
    for view in batch.views:
        views.append(output.rows(slice(start, start + len(view.labels))))
        start += len(view.labels)
    return replace(first, views=tuple(views))
