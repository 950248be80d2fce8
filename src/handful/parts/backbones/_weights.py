"""Weights from files and from the model hubs. What cannot be had is one error that names the offline choice."""

import contextlib
import pickle
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

OFFLINE = (
    'without a network use backbone "efficientnet_lite0", whose weights are installed; '
    'or give a checkpoint file as `weights = "path"`; or set pretrained = false.'
)


def read_checkpoint(path: str) -> dict[str, Tensor]:
    """The tensors of a .safetensors, .pt or .pth file, or of a saved classifier's folder; no code in it is run.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
    """
    file = Path(path).expanduser()
    file = file / "weights.safetensors" if file.is_dir() else file
    if not file.is_file():
        raise WeightsError("there is no such checkpoint", where=file, remedy="check the path; " + OFFLINE)
    try:
        if file.suffix == ".safetensors":
            found: Any = load_file(file)
        else:
            found = torch.load(file, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, SafetensorError) as error:
        raise WeightsError(
            f"the checkpoint cannot be read: {str(error).splitlines()[0] if str(error) else type(error).__name__}",
            where=file,
            remedy="save its tensors alone: torch.save(model.state_dict(), path) or safetensors.",
        ) from error
    for key in ("state_dict", "model", "model_state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not found or not all(isinstance(v, Tensor) for v in found.values()):
        raise WeightsError("there is no table of tensors in it", where=file, remedy="save model.state_dict().")
    return {str(name).removeprefix("module."): tensor for name, tensor in found.items()}


def load_checkpoint(path: str, network: nn.Module, backbone: nn.Module, *, rename: Callable[[str], str | None]) -> None:
    """Load a checkpoint in the library's own names into `network`, or a saved handful classifier's into `backbone`.

    `rename` gives a tensor's name in `network`; None: the network has no place for it (its former classifier).

    Raises:
        WeightsError: tensors are missing, left over or of another shape; names the first of each.
    """
    tensors = read_checkpoint(path)
    if any(name.startswith("backbone.") for name in tensors):
        kept = {n.removeprefix("backbone."): t for n, t in tensors.items() if n.startswith("backbone.")}
        load_exactly(backbone, kept, where=path)
    else:
        renamed = {rename(name): tensor for name, tensor in tensors.items()}
        load_exactly(network, {n: t for n, t in renamed.items() if n is not None}, where=path)


def load_exactly(network: nn.Module, tensors: Mapping[str, Tensor], *, where: object) -> None:
    """Copy tensors into a network, all or none.

    Raises:
        WeightsError: as in `load_checkpoint`.
    """
    own = network.state_dict()
    missing = [n for n in own if n not in tensors and not n.endswith("num_batches_tracked")]
    extra = [n for n in tensors if n not in own]
    shapes = [
        f"{n} is {list(tensors[n].shape)}, not {list(t.shape)}"
        for n, t in own.items()
        if n in tensors and tensors[n].shape != t.shape
    ]
    parts = (("missing", missing), ("left over", extra), ("of another shape", shapes))
    faults = [f"{len(names)} tensors {kind} ({names[0]})" for kind, names in parts if names]
    if faults:
        raise WeightsError(
            f"the weights are of another network: {', '.join(faults)}",
            where=where,
            remedy="name the model that they were trained with, with the same options.",
        )
    network.load_state_dict(dict(tensors), strict=False)


def download(url: str) -> dict[str, Tensor]:
    """The tensors behind a torch hub address, from its cache when they are there.

    Raises:
        WeightsError: not cached, and not to be had within seconds.
    """
    with unavailable(url), _patience(), contextlib.redirect_stdout(sys.stderr):
        found: dict[str, Tensor] = torch.hub.load_state_dict_from_url(
            url, map_location="cpu", progress=False, check_hash=True, weights_only=True
        )
    return found


@contextlib.contextmanager
def unavailable(where: object) -> Iterator[None]:
    """Turn a failed download into our error.

    Raises:
        WeightsError: the body raised an error of the network, of a server, or of a file cut short.
    """
    try:
        yield
    except (OSError, HTTPException, RuntimeError) as error:
        raise WeightsError(
            f"the pretrained weights are not on this machine and cannot be downloaded ({str(error)[:120]})",
            where=where,
            remedy=OFFLINE,
        ) from error


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """The torch hub opens its connection without a time limit of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(hub.PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
