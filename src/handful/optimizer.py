"""Which parameters learn in a stage, and the optimizer over them."""

from typing import Any

import torch
from torch import Tensor, nn

from handful.errors import TrainingError
from handful.types import Stage


def choose_trainable(network: nn.Module, stage: Stage) -> list[nn.Parameter]:
    """Parameters that learn in this stage, by name prefix; those that a backbone froze when built never do.

    Raises:
        TrainingError: none is left.
    """
    learn: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        if not hasattr(parameter, "built_frozen"):
            parameter.built_frozen = not parameter.requires_grad  # type: ignore[attr-defined]
        chosen = stage.trainable == "all" or name.startswith(tuple(stage.trainable))
        parameter.requires_grad_(chosen and not parameter.built_frozen)  # type: ignore[attr-defined]
        if parameter.requires_grad:
            learn.append(parameter)
    if not learn:
        raise TrainingError(
            "no parameter learns", where=f"trainable = {stage.trainable}", remedy='e.g. "all" or ["head"].'
        )
    return learn


def make_optimizer(network: nn.Module, stage: Stage) -> torch.optim.Optimizer:
    """The stage's optimizer; without `decay_norms`, biases and norms (one-dimensional) get no weight decay."""
    wish = stage.optimizer
    learn = choose_trainable(network, stage)
    decayed = [p for p in learn if p.ndim > 1 or wish.decay_norms]
    spared = [p for p in learn if p.ndim <= 1 and not wish.decay_norms]
    groups: list[dict[str, Any]] = [
        {"params": params, "weight_decay": decay}
        for params, decay in ((decayed, wish.weight_decay), (spared, 0.0))
        if params
    ]
    if wish.name == "adamw":
        return torch.optim.AdamW(groups, lr=wish.lr, betas=(wish.momentum, 0.999))
    return torch.optim.SGD(groups, lr=wish.lr, momentum=wish.momentum, nesterov=wish.nesterov)


def initial_values(network: nn.Module, stage: Stage) -> dict[str, Tensor]:
    """Copies of what the stage will reset, taken before training.

    Raises:
        TrainingError: a prefix names nothing.
    """
    state = network.state_dict()
    for prefix in stage.reset:
        if not any(name.startswith(prefix) for name in state):
            tops = ", ".join(sorted({".".join(name.split(".")[:2]) for name in state if "." in name})[:9])
            raise TrainingError("nothing is called so", where=f"reset = {prefix!r}", remedy=f"there are {tops}.")
    return {name: value.clone() for name, value in state.items() if name.startswith(stage.reset)}


def reset(network: nn.Module | None, initial: dict[str, Tensor]) -> None:
    """Put the copies back."""
    if network is not None and initial:
        network.load_state_dict(initial, strict=False)


def train_mode(network: nn.Module) -> None:
    """Training mode, but batch norms whose parameters do not learn keep their statistics."""
    network.train()
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            own = list(module.parameters(recurse=False))
            if own and not any(p.requires_grad for p in own):
                module.eval()
