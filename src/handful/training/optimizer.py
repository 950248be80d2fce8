"""Which parameters learn in a stage, and the optimizer over them."""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from handful.core.recipe import Stage
from handful.errors import TrainingError
from handful.models.network import Network


def choose_trainable(network: Network, stage: Stage) -> list[nn.Parameter]:
    """Parameters that learn in this stage, by name prefix; those that a backbone froze when built never do.

    Raises:
        TrainingError: none is left.
    """
    learn: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        chosen = stage.trainable == "all" or name.startswith(tuple(stage.trainable))
        parameter.requires_grad_(chosen and name not in network.frozen)
        if parameter.requires_grad:
            learn.append(parameter)
    if not learn:
        raise TrainingError(
            "no parameter is trainable", where=f"trainable = {stage.trainable}", remedy='e.g. "all" or ["head"].'
        )
    return learn


def make_optimizer(network: Network, stage: Stage) -> torch.optim.Optimizer:
    """The stage's optimizer; without `decay_norms`, biases and norms (one-dimensional) get no weight decay.

    With `layer_decay`, parameters of one depth share a group, whose "scale" is what `set_rate` multiplies by.
    """
    wish = stage.optimizer
    learn = choose_trainable(network, stage)
    depths = layer_depths(network) if wish.layer_decay != 1 else {}
    groups: list[dict[str, Any]] = []
    for depth in sorted({depths.get(p, 0) for p in learn}):
        own = [p for p in learn if depths.get(p, 0) == depth]
        decayed = [p for p in own if p.ndim > 1 or wish.decay_norms]
        spared = [p for p in own if p.ndim <= 1 and not wish.decay_norms]
        groups += [
            {"params": params, "weight_decay": decay, "scale": wish.layer_decay**depth}
            for params, decay in ((decayed, wish.weight_decay), (spared, 0.0))
            if params
        ]
    if wish.name == "adamw":
        return torch.optim.AdamW(groups, lr=wish.lr, betas=(wish.momentum, 0.999))
    return torch.optim.SGD(groups, lr=wish.lr, momentum=wish.momentum, nesterov=wish.nesterov)


def layer_depths(network: nn.Module) -> dict[nn.Parameter, int]:
    """How far a backbone's parameters are from the head: 1 in its last stage, 2 in the one before, and so on.

    A backbone without stages counts its layers.
    """
    backbone: Any = network.backbone
    stages = list(getattr(backbone, "stages", None) or backbone.children())
    found = dict.fromkeys(backbone.parameters(), len(stages))
    return found | {p: len(stages) - i for i, stage in enumerate(stages) for p in stage.parameters()}


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Let every group learn at this rate times its scale."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]


def initial_values(network: nn.Module, stage: Stage) -> dict[str, Tensor]:
    """Copies of what the stage will reset, taken before training.

    Raises:
        TrainingError: a prefix names nothing.
    """
    state = network.state_dict()
    for prefix in stage.reset:
        if not any(name.startswith(prefix) for name in state):
            tops = ", ".join(sorted({".".join(name.split(".")[:2]) for name in state if "." in name})[:9])
            raise TrainingError(
                "no parameter has this prefix", where=f"reset = {prefix!r}", remedy=f"there are {tops}."
            )
    return {name: value.clone() for name, value in state.items() if name.startswith(stage.reset)}


def reset(network: nn.Module | None, initial: dict[str, Tensor]) -> None:
    """Put the copies back."""
    if network is not None and initial:
        network.load_state_dict(initial, strict=False)


def train_mode(network: nn.Module, *, statistics: Literal["batch", "frozen"] = "batch") -> None:
    """Training mode, but batch norms whose parameters do not learn keep their statistics.

    `statistics`: "frozen" keeps those of all the backbone's batch norms.
    """
    network.train()
    backbone = getattr(getattr(network, "module", network), "backbone", None)
    still = set(backbone.modules()) if statistics == "frozen" and backbone is not None else set()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            own = list(module.parameters(recurse=False))
            if module in still or (own and not any(p.requires_grad for p in own)):
                module.eval()
