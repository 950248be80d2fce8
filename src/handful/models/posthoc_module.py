"""Modules of posthoc parts around a network, and the way through them to the network inside."""

from collections.abc import Iterator

from torch import nn

from handful.core.recipe import Part


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
