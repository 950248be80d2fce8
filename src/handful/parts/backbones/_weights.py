"""Weights from checkpoint files and model hubs; a failure is one error that names the offline alternative."""

import contextlib
import pickle
import re
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from handful.errors import WeightsError
from handful.models import hub
from handful.models.timm_models import missing_weights, remedy

MAX_PARAMETERS = 1_000_000_000


def refuse_large(parameters: int) -> None:
    """Refuse a network before it is built.

    Args:
        parameters: their number, about.

    Raises:
        ValueError: they are more than `MAX_PARAMETERS`.
    """
    if parameters > MAX_PARAMETERS:
        raise ValueError(f"a network of about {parameters:.2g} parameters; at most {MAX_PARAMETERS:.2g} are possible")


def read_checkpoint(path: str, *, replaceable: bool = True) -> dict[str, Tensor]:
    """The tensors of a .safetensors, .pt or .pth file, or of a saved classifier's folder, without running its code.

    Args:
        path: of the file or folder.
        replaceable: as for `timm_models.remedy`.

    Raises:
        WeightsError: the file is missing, damaged, or not a table of tensors.
    """
    try:
        file = Path(path).expanduser()
    except RuntimeError:  # a user without a home directory
        file = Path(path)
    file = file / "weights.safetensors" if file.is_dir() else file
    if not file.is_file():
        raise WeightsError("no such file", where=file, remedy="check the path; or " + remedy(None, replaceable))
    try:
        if file.suffix.lower() == ".safetensors":
            content: Any = load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, SafetensorError) as error:
        reason = "it is damaged, or holds objects other than tensors, which could run code"
        if not isinstance(error, pickle.UnpicklingError):  # whose text recommends to run that code
            reason = str(error).splitlines()[0].split(". ")[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"the checkpoint cannot be read: {reason}",
            where=file,
            remedy="save its tensors alone: torch.save(model.state_dict(), path) or safetensors.",
        ) from error
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not content or not all(isinstance(v, Tensor) for v in content.values()):
        raise WeightsError("not a table of tensors", where=file, remedy="save model.state_dict().")
    return {_plain_name(str(name)): tensor for name, tensor in content.items()}


def _plain_name(name: str) -> str:
    """A tensor's name without what wraps a network: another library's `module`, our posthoc parts."""
    name = name.removeprefix("module.")
    return re.sub(r"^(network\.)+(?=backbone\.)", "", name)


def load_checkpoint(path: str, network: nn.Module, backbone: nn.Module, *, rename: Callable[[str], str | None]) -> None:
    """Load a checkpoint of the model library into `network`, or one of a saved handful classifier into `backbone`.

    Args:
        path: checkpoint file, or folder of a saved classifier.
        network: the model with the library's tensor names.
        backbone: the same tensors with our names.
        rename: a checkpoint tensor's name in `network`; None for tensors that it does not have (the classifier's).

    Raises:
        WeightsError: tensors are missing, left over or of another shape; names the first of each.
    """
    tensors = read_checkpoint(path)
    if any(name.startswith("backbone.") for name in tensors):
        ours = {n.removeprefix("backbone."): t for n, t in tensors.items() if n.startswith("backbone.")}
        load_exactly(backbone, ours, where=path)
    else:
        renamed = {rename(name): tensor for name, tensor in tensors.items()}
        load_exactly(network, {n: t for n, t in renamed.items() if n is not None}, where=path)


def load_exactly(network: nn.Module, tensors: Mapping[str, Tensor], *, where: object) -> None:
    """Load tensors into a network: all of them, or none and an error.

    Raises:
        WeightsError: as in `load_checkpoint`.
    """
    state = network.state_dict()
    missing = [n for n in state if n not in tensors and not n.endswith("num_batches_tracked")]
    extra = [n for n in tensors if n not in state]
    shapes = [
        f"{n} is {list(tensors[n].shape)}, not {list(t.shape)}"
        for n, t in state.items()
        if n in tensors and tensors[n].shape != t.shape
    ]
    kinds = (("missing", missing), ("left over", extra), ("of another shape", shapes))
    faults = [f"{len(names)} tensors {kind} ({names[0]})" for kind, names in kinds if names]
    if faults:
        raise WeightsError(
            f"the weights belong to another network: {', '.join(faults)}",
            where=where,
            remedy="name the model that they were trained with, with the same options.",
        )
    network.load_state_dict(dict(tensors), strict=False)


def download(url: str) -> dict[str, Tensor]:
    """The tensors at a torch hub URL, from the cache where they are.

    Raises:
        WeightsError: they are not cached, and cannot be downloaded within seconds.
    """
    with download_errors(url), _socket_timeout(), contextlib.redirect_stdout(sys.stderr):
        tensors: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
            url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    return tensors


@contextlib.contextmanager
def download_errors(where: str, *, hub_id: str | None = None, replaceable: bool = True) -> Iterator[None]:
    """Turn a failed download into a `WeightsError`.

    Args:
        where: the model or address that is asked for.
        hub_id: its repository on the Hugging Face hub, where it is there.
        replaceable: as for `timm_models.remedy`.

    Raises:
        WeightsError: the body raised a network or server error, or a file is truncated.
    """
    try:
        yield
    except (OSError, HTTPException, RuntimeError) as error:
        raise missing_weights(where, error, hub_id=hub_id, replaceable=replaceable) from error


@contextlib.contextmanager
def _socket_timeout() -> Iterator[None]:
    """A timeout for the torch hub, which opens its connection without one."""
    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(hub.PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(previous)
