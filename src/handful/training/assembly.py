"""Assembly of what is trained: network, losses, augmentation, weight average and posthoc parts, built from a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Stage
from handful.core.tensors import Batch, Output
from handful.models.classifier import Classifier
from handful.models.network import Network
from handful.parts import registry
from handful.training.augmentation import Compose
from handful.training.distributed import share_norms
from handful.training.optimizer import initial_values
from handful.training.setup import Setup
from handful.training.view_cache import ViewCache, cache_views

if TYPE_CHECKING:
    from timm.utils.model_ema import ModelEmaV3

Loss = Callable[[Output, Batch], Float[Tensor, " n"]]
Posthoc = Callable[[tuple[Classifier, ...], Dataset], Classifier]


@dataclass(frozen=True, eq=False)
class Member:
    """A network that is trained, with its losses and the weights that a stage resets: one entry for each stage."""

    network: Network
    losses: tuple[tuple[Loss, ...], ...]
    initial: tuple[dict[str, Tensor], ...]


@dataclass(frozen=True, eq=False)
class Assembly:
    """A network on its device, with what trains it.

    `losses`, `further` (the augmentations of further views) and `initial` (the weights that a stage resets) have one
    entry for each stage. `peers` are trained beside the network, and nothing reads them after training. A teacher that
    is not its average would be a further field.
    """

    network: Network
    losses: tuple[tuple[Loss, ...], ...]
    augment: Compose
    further: tuple[tuple[Compose, ...], ...]
    posthoc: tuple[Posthoc, ...]
    average: "ModelEmaV3 | None"
    initial: tuple[dict[str, Tensor], ...]
    views: ViewCache | None
    peers: tuple[Member, ...] = ()

    @property
    def members(self) -> tuple[Member, ...]:
        """All networks that are trained, the one that predicts first."""
        return Member(self.network, self.losses, self.initial), *self.peers

    @property
    def averaged(self) -> nn.Module | None:
        """The network with averaged weights; None: the recipe has no `ema`."""
        return None if self.average is None else self.average.module

    @property
    def trained(self) -> nn.Module:
        """The network that predicts after training."""
        return self.network if self.averaged is None else self.averaged


def assemble(setup: Setup, *, progress: bool = False) -> Assembly:
    """Build the parts of the recipe. Weights are drawn from PyTorch's global generator, in the order of the calls.

    Args:
        setup: data and schedule.
        progress: show a bar while views are cached.

    Raises:
        RecipeError, TrainingError, WeightsError: from the parts.
    """
    recipe, context = setup.recipe, setup.context
    network = registry.build_network(recipe, context)
    features = partial(_feature_length, network, setup.size)
    maps = partial(_map_shape, network, setup.size)
    context = replace(context, features=features, maps=maps, images=len(setup.tensors))
    learned = replace(context, task=_learned_task(setup))
    member = _member(network, setup, learned)
    augment = _compose(recipe.augment, context)
    further = tuple(tuple(_compose(view.augment, context) for view in stage.views) for stage in recipe.stages)
    posthoc = tuple(registry.build("posthoc", part, context) for part in recipe.posthoc)
    peers = tuple(
        _on_device(_member(registry.build_network(recipe, context), setup, learned), setup) for _ in range(recipe.peers)
    )
    member = _on_device(member, setup)
    network = member.network
    average = _make_average(network, recipe.ema)
    views = None
    if recipe.cache_views and recipe.stages:
        views = cache_views(
            network,
            setup.tensors,
            augment,
            precision=recipe.precision,
            views=recipe.cache_views,
            classes=len(setup.data.classes),
            seed=setup.seed,
            progress=progress,
        )
    return Assembly(network, member.losses, augment, further, posthoc, average, member.initial, views, peers)


def _member(network: Network, setup: Setup, context: Context) -> Member:
    """A network with losses of its own."""
    stages = setup.recipe.stages
    context = replace(context, feature_maps=network.feature_maps)
    losses = tuple(_build_losses(stage, context) for stage in stages)
    network.keeps_maps = any(registry.has_trait("losses", p, "needs_maps") for stage in stages for p in stage.losses)
    network.add_losses(loss for stage in losses for loss in stage if isinstance(loss, nn.Module))
    return Member(network, losses, ())


def _on_device(member: Member, setup: Setup) -> Member:
    """The same network where it is trained, and copies of the weights that stages reset."""
    network = member.network
    if setup.accelerator.num_processes > 1:
        share_norms(network)
    network = network.to(setup.device, memory_format=network.layout)  # type: ignore[call-overload]
    return replace(member, network=network, initial=tuple(initial_values(network, s) for s in setup.recipe.stages))


def _build_losses(stage: Stage, context: Context) -> tuple[Loss, ...]:
    return tuple(registry.build("losses", part, replace(context, stage=stage)) for part in stage.losses)


def _learned_task(setup: Setup) -> Task:
    """The task with the class counts of the labels that are learned, those that `prepare` parts gave included."""
    task, prepared = setup.context.task, setup.context.data
    if not setup.recipe.prepare or task.kind != "multiclass" or prepared is None:
        return task
    return replace(task, counts=prepared.counts)


def _compose(parts: Sequence[Part], context: Context) -> Compose:
    return Compose([(part, registry.build("augment", part, context)) for part in parts])


def _feature_length(network: Network, size: tuple[int, int]) -> int:
    """Number of features that the head pools."""
    output: Output = _of_blank_image(network, network, size)
    return output.features.shape[1]


def _map_shape(network: Network, size: tuple[int, int]) -> tuple[int, int]:
    """Channels and stride of the backbone's maps."""
    maps: Tensor = _of_blank_image(network, network.feature_maps, size)
    strides = (-(-side // length) for side, length in zip(size, maps.shape[2:], strict=True))
    return maps.shape[1], max(strides)


def _of_blank_image(network: Network, function: Callable[[Tensor], Any], size: tuple[int, int]) -> Any:
    """What a function of the network gives for one blank image, in evaluation mode and without gradient."""
    before = network.training
    network.eval()
    with torch.no_grad():
        found = function(torch.zeros(1, 3, *size, device=network.mean.device))
    network.train(before)
    return found


def _make_average(network: Network, decay: float | None) -> "ModelEmaV3 | None":
    """The exponential moving average of the weights, timm's, with its warm-up."""
    if decay is None:
        return None
    from timm.utils.model_ema import ModelEmaV3

    return ModelEmaV3(network, decay=decay, use_warmup=True)
