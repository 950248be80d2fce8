"""Weights that an adapted backbone was pretrained with: frozen, and left out of a saved model.

A saved model has the updates alone, and the name and the digest of what they are for. A tensor that follows the image
size (the position embeddings, which are resampled) is saved with the updates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from handful.models.feature_cache import hash_tensors

RESAMPLED = ("pos_embed", "rel_pos", "relative_position")  # in the names of tensors that follow the image size
ATTRIBUTE = "base_weights"


@dataclass(frozen=True)
class BaseWeights:
    """The pretrained weights of one backbone.

    Attributes:
        model: its name.
        names: of its tensors, in the backbone.
    """

    model: str
    names: frozenset[str]


def mark_base_weights(backbone: nn.Module, model: str) -> None:
    """Declare the frozen parameters of a backbone as pretrained weights that are found elsewhere.

    Args:
        backbone: the adapted network; its updates require gradients.
        model: its name.
    """
    frozen = {name for name, parameter in backbone.named_parameters() if not parameter.requires_grad}
    names = frozenset(name for name in frozen if not any(word in name for word in RESAMPLED))
    setattr(backbone, ATTRIBUTE, BaseWeights(model, names))


def base_weights(network: nn.Module) -> dict[str, BaseWeights]:
    """The pretrained weights in a network that are not saved with it, by the prefix of their names.

    Those in a training loss, such as a teacher's, are left out: losses are not saved.
    """
    modules = ((name, module) for name, module in network.named_modules() if "losses" not in name.split("."))
    found = ((name, getattr(module, ATTRIBUTE, None)) for name, module in modules)
    return {f"{name}." if name else "": base for name, base in found if isinstance(base, BaseWeights)}


def base_names(network: nn.Module) -> frozenset[str]:
    """The names of all tensors of a network that are not saved with it."""
    return frozenset(prefix + name for prefix, base in base_weights(network).items() for name in base.names)


def described(network: nn.Module) -> list[dict[str, str]]:
    """Name and digest of each backbone whose pretrained weights are not saved with the network."""
    state = network.state_dict()
    return [{"model": base.model, "digest": digest} for base, digest in _digests(network, state)]


def _digests(network: nn.Module, state: Mapping[str, Any]) -> Iterator[tuple[BaseWeights, str]]:
    for prefix, base in base_weights(network).items():
        tensors: dict[str, Tensor] = {name: state[prefix + name] for name in base.names}
        yield base, hash_tensors(tensors)
