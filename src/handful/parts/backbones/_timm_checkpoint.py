"""Checkpoints of timm's models."""

import sys
from collections.abc import Mapping
from typing import Any

from timm.models import model_entrypoint
from torch import Tensor, nn

from handful.errors import WeightsError
from handful.models.timm_models import MODEL_ERRORS
from handful.parts.backbones._weights import load_exactly


def load_model(net: nn.Module, tensors: Mapping[str, Tensor], *, model: str, config: Any, where: str) -> None:
    """Load the tensors of a checkpoint into a model without its classifier.

    Timm's own filter of the model adapts names of other libraries, and the grid of positions to the image size.

    Args:
        net: the model.
        tensors: of the checkpoint.
        model: its name.
        config: its configuration.
        where: the checkpoint's path, for errors.

    Raises:
        WeightsError: the checkpoint is of another network.
    """
    adapt = getattr(sys.modules[model_entrypoint(model.partition(".")[0]).__module__], "checkpoint_filter_fn", None)
    if adapt is not None:
        try:
            tensors = adapt(dict(tensors), net)
        except (*MODEL_ERRORS, KeyError) as error:
            raise WeightsError(
                f"the weights belong to another network ({str(error)[:120]})",
                where=where,
                remedy="name the model that they were trained with, with the same options.",
            ) from error
    listed = config.classifier if isinstance(config.classifier, tuple | list) else (config.classifier,)
    classifier = tuple(f"{name}." for name in listed if name)
    state = net.state_dict()
    load_exactly(net, {n: t for n, t in tensors.items() if n in state or not n.startswith(classifier)}, where=where)
