"""Optimizer of a stage: trainable parameters, parameter groups, layer-wise learning rate decay, and resets."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from handful.core.recipe import Stage
from handful.core.text import listed
from handful.errors import TrainingError
from handful.models.network import Network


def choose_trainable(network: Network, stage: Stage) -> list[nn.Parameter]:
    """Parameters that are trained in this stage, by name prefix; those that a backbone was built frozen with never are.

    Raises:
        TrainingError: no parameter is trainable.
    """
    parameters: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        chosen = stage.trainable == "all" or name.startswith(tuple(stage.trainable))
        parameter.requires_grad_(chosen and name not in network.frozen)
        if parameter.requires_grad:
            parameters.append(parameter)
    if not parameters:
        raise TrainingError(
            "no parameter is trainable", where=f"trainable = {stage.trainable}", remedy='e.g. "all" or ["head"].'
        )
    return parameters


def make_optimizer(network: Network, stage: Stage, *, peers: Sequence[Network] = ()) -> torch.optim.Optimizer:
    """The stage's optimizer; without `decay_norms`, biases and norms (one-dimensional) get no weight decay.

    With `layer_decay`, parameters of one depth share a group, whose "scale" is what `set_rate` multiplies by. `peers`
    are trained by it, too.
    """
    settings = stage.optimizer
    groups = [group for one in (network, *peers) for group in _parameter_groups(one, stage)]
    if settings.name == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr, betas=(settings.momentum, 0.999))
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov)


def _parameter_groups(network: Network, stage: Stage) -> list[dict[str, Any]]:
    settings = stage.optimizer
    parameters = choose_trainable(network, stage)
    depths = layer_depths(network) if settings.layer_decay != 1 else {}
    groups: list[dict[str, Any]] = []
    for depth in sorted({depths.get(p, 0) for p in parameters}):
        group = [p for p in parameters if depths.get(p, 0) == depth]
        decayed = [p for p in group if p.ndim > 1 or settings.decay_norms]
        undecayed = [p for p in group if p.ndim <= 1 and not settings.decay_norms]
        groups += [
            {"params": params, "weight_decay": decay, "scale": settings.layer_decay**depth}
            for params, decay in ((decayed, settings.weight_decay), (undecayed, 0.0))
            if params
        ]
    return groups


def layer_depths(network: nn.Module) -> dict[nn.Parameter, int]:
    """Distance of each backbone parameter from the head: 1 in the last stage, 2 in the one before, and so on.

    A backbone without stages counts its layers.
    """
    backbone: Any = network.backbone
    stages = list(getattr(backbone, "stages", None) or backbone.children())
    depths = dict.fromkeys(backbone.parameters(), len(stages))
    return depths | {p: len(stages) - i for i, stage in enumerate(stages) for p in stage.parameters()}


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of each parameter group to `rate` times its scale."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def initial_values(network: nn.Module, stage: Stage) -> dict[str, Tensor]:
    """Copies of the parameters and buffers that the stage resets, taken before training.

    Raises:
        TrainingError: a prefix names nothing.
    """
    state = network.state_dict()
    for prefix in stage.reset:
        if not any(name.startswith(prefix) for name in state):
            tops = listed(sorted({".".join(name.split(".")[:2]) for name in state if "." in name}), 9)
            raise TrainingError(
                "no parameter has this prefix", where=f"reset = {prefix!r}", remedy=f"there are {tops}."
            )
    return {name: value.clone() for name, value in state.items() if name.startswith(stage.reset)}


def reset(network: nn.Module | None, initial: dict[str, Tensor]) -> None:
    """Load the copies into the network."""
    if network is not None and initial:
        network.load_state_dict(initial, strict=False)


def train_mode(network: nn.Module, *, statistics: Literal["batch", "frozen"] = "batch") -> None:
    """Training mode, but batch norms whose parameters do not learn keep their statistics.

    `statistics`: "frozen" keeps those of all the backbone's batch norms.
    """
    network.train()
    backbone = getattr(getattr(network, "module", network), "backbone", None)
    frozen = set(backbone.modules()) if statistics == "frozen" and backbone is not None else set()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            parameters = list(module.parameters(recurse=False))
            if module in frozen or (parameters and not any(p.requires_grad for p in parameters)):
                module.eval()
