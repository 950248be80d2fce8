"""Feature cache: features of a frozen backbone, computed once for each image and stored on disk.

The key of a vector is a hash of the pixels that the network is given. Each extractor has a folder of its own: the
backbone's part and weights, how maps are pooled, precision, device and library versions.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from importlib import metadata
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful._version import __version__
from handful.models.feature_store import FeatureStore, cache_folder
from handful.models.onnx_features import OnnxFeatures, onnx_features

VERSION = 2  # raised when the same parts and weights come to make other features
LIBRARIES = ("timm", "torchvision")


class FeatureCache:
    """The features of one backbone, looked up before they are computed.

    An image that was computed in a batch may differ from one computed alone in the last bits: the first stays.

    Args:
        described: plain values that say what the extractor is, weights left out.
    """

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.described = json.dumps(described, sort_keys=True, default=str)
        self._weights: tuple[Any, str] | None = None
        self._stores: dict[str, FeatureStore] = {}
        self._onnx: dict[tuple[str, int, int], OnnxFeatures | None] = {}

    def features(
        self,
        images: Float[Tensor, "n 3 h w"],
        weights: nn.Module,
        compute: Callable[[Float[Tensor, "m 3 h w"]], Float[Tensor, "m c"]],
    ) -> Float[Tensor, "n c"]:
        """The features of each image; `compute` makes those that are not on disk, with these `weights`."""
        root = cache_folder()
        if root is None or not len(images):
            return compute(images)
        name = self._name(weights, images.device)
        store = self._stores.setdefault(str(root / name), FeatureStore(root / "features" / name))
        digests = [_digest(image) for image in images.detach().cpu().contiguous().numpy()]
        vectors = store.get(digests)
        missing = [i for i, vector in enumerate(vectors) if vector is None]
        if not missing:
            return torch.from_numpy(np.stack([v for v in vectors if v is not None])).to(images.device)
        new = images if len(missing) == len(images) else images[missing]
        key = (name, images.shape[-2], images.shape[-1])
        if key not in self._onnx:
            self._onnx[key] = onnx_features(root, name, images, weights)
        through_onnx = self._onnx[key]
        made = (compute(new) if through_onnx is None else through_onnx.compute(new, weights, compute)).float()
        computed = made.detach().cpu().numpy()
        store.add([digests[i] for i in missing], computed)
        if len(missing) == len(images):
            return made
        for i, vector in zip(missing, computed, strict=True):
            vectors[i] = vector
        return torch.from_numpy(np.stack([v for v in vectors if v is not None])).to(images.device)

    def _name(self, weights: nn.Module, device: torch.device) -> str:
        """The extractor's folder."""
        precision = torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32
        parts = (self.described, self._hash(weights), str(precision), device.type, _versions())
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]

    def _hash(self, weights: nn.Module) -> str:
        """The hash of the weights; computed anew only where one was written to or replaced."""
        state = weights.state_dict()
        tensors = [t for t in state.values() if isinstance(t, Tensor)]
        seen = None
        if not any(t.is_inference() for t in tensors):
            seen = tuple((t.data_ptr(), t._version) for t in tensors)
        if self._weights is None or seen is None or self._weights[0] != seen:
            self._weights = (seen, hash_tensors(state))
        return self._weights[1]


def hash_tensors(tensors: Mapping[str, Any]) -> str:
    """A hash of names, shapes, types and values."""
    total = hashlib.sha256()  # most processors have it in silicon
    for name, value in sorted(tensors.items()):
        if isinstance(value, Tensor):
            plain = value.detach().cpu().contiguous()
            total.update(repr((name, tuple(plain.shape), str(plain.dtype))).encode())
            total.update(plain.flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _digest(image: Float[np.ndarray, "3 h w"]) -> bytes:
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(image.data)
    return digest.digest()[:16]


@cache
def _versions() -> tuple[int | str, ...]:
    return (VERSION, __version__, torch.__version__, *(metadata.version(name) for name in LIBRARIES))
