"""Modules of posthoc parts around a network, and the way through them to the network inside."""

from collections.abc import Iterator

from torch import nn

from handful.core.recipe import Part
from handful.errors import ModelError, by_interface

TRAINED_WITH = {  # posthoc part: how a command gives it to a model
    "conformal": "--coverage SHARE",
    "out_of_distribution": "--reject SHARE",
    "unknown_regions": "--recipe cvs-unknown",
}


class PosthocModule(nn.Module):
    """A network that a posthoc part changed: `network` is what was there before.

    `part` says how to build the module again, by `wrap` of the part's module; a saved model has it in its files.
    """

    network: nn.Module

    def __init__(self, network: nn.Module, part: Part) -> None:
        super().__init__()
        self.network = network
        self.part = part


def posthoc_modules(network: nn.Module) -> Iterator[PosthocModule]:
    """The posthoc modules around a network, outermost first; none around one that has no posthoc parts."""
    while isinstance(network, PosthocModule):
        yield network
        network = network.network


def unwrap(network: nn.Module) -> nn.Module:
    """The network inside all posthoc modules."""
    for module in posthoc_modules(network):
        network = module.network
    return network


def without_part(name: str, *, where: str) -> ModelError:
    """The error for a model that was trained without a posthoc part."""
    return ModelError(
        f"this model has no posthoc part {name!r}",
        where=where,
        remedy=by_interface(
            command=f"train it by `handful fit` with {TRAINED_WITH.get(name, 'that part')}.",
            python=f'train it with posthoc = [{{ name = "{name}" }}].',
        ),
    )
