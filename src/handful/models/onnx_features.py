"""Features of a frozen backbone through onnxruntime, where that is faster and gives the same numbers.

The extractor is exported once and kept in the cache. It is used if its features agree with PyTorch's to 1e-5 on the
first images, and take less time; else PyTorch goes on. Exporting takes some seconds: it is done once an extractor has
had 200 new images. HANDFUL_FEATURES=torch switches this off.
"""

import io
import os
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.files import write_atomically

VARIABLE = "HANDFUL_FEATURES"
TORCH = "torch"  # the value that switches onnxruntime off
FOLDER = "graphs"  # in the cache
EXPORT_AFTER = 200  # images
COMPARED, ROUNDS = 4, 3  # images, and how often: other load on the machine must not decide
BATCH = 4  # images: more do not fit into the caches of a processor
TOLERANCE = 1e-5  # absolute, and relative to a feature
MAX_BYTES = 500_000_000  # of the weights
MOST_FILES = 16
PACKAGES = ("onnx", "onnxruntime")

Compute = Callable[[Float[Tensor, "m 3 h w"]], Float[Tensor, "m c"]]


class OnnxFeatures:
    """The features of one extractor, at one image size.

    Args:
        path: of the exported extractor, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen = 0
        self.session: Any = None
        self.refused = False

    def compute(self, images: Float[Tensor, "m 3 h w"], weights: nn.Module, compute: Compute) -> Float[Tensor, "m c"]:
        """What `compute` gives with these `weights`, to 1e-5."""
        if self.session is not None:
            return _run(self.session, images)
        self.seen += len(images)
        features = compute(images)
        if not self.refused and (self.path.is_file() or self.seen >= EXPORT_AFTER):
            self._open(images[:COMPARED], weights, compute)
        return features

    def _open(self, images: Float[Tensor, "m 3 h w"], weights: nn.Module, compute: Compute) -> None:
        """Export what is not there, and use it from now on if it is as good and faster."""
        self.refused = True
        try:
            if not self.path.is_file():
                _export(self.path, images, weights, compute)
            session = _session(self.path)
            _run(session, images[:1])  # the first run plans its memory
            agree, faster = _compare(session, images, compute)
        except Exception:  # exporters and onnxruntime raise errors of many types, and none matters: PyTorch goes on
            self.path.unlink(missing_ok=True)
            return
        if agree and faster:
            self.session, self.refused = session, False


def onnx_features(root: Path, name: str, images: Tensor, weights: nn.Module) -> OnnxFeatures | None:
    """Features through onnxruntime for an extractor; None where PyTorch is to compute them.

    That is: on a GPU, at a lower precision than float32, without onnxruntime, and for a backbone without weights or
    with very many.

    Args:
        root: the cache.
        name: of the extractor.
        images: of its first batch.
        weights: the backbone.
    """
    size = sum(p.numel() * p.element_size() for p in weights.parameters())
    plain = images.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    switched_off = os.environ.get(VARIABLE, "").strip().lower() == TORCH
    if switched_off or not plain or not 0 < size <= MAX_BYTES or any(find_spec(p) is None for p in PACKAGES):
        return None
    h, w = images.shape[-2:]
    return OnnxFeatures(root / FOLDER / f"{name}-{h}x{w}.onnx")


class _Extractor(nn.Module):
    """A function of images as a module that can be exported."""

    def __init__(self, weights: nn.Module, compute: Compute) -> None:
        super().__init__()
        self.weights, self.compute = weights, compute

    def forward(self, images: Tensor) -> Tensor:
        """Features."""
        return self.compute(images).float()


def _export(path: Path, images: Float[Tensor, "m 3 h w"], weights: nn.Module, compute: Compute) -> None:
    """Write the extractor as an ONNX file.

    By PyTorch's exporter of traces, which takes a second where the newer one takes ten.
    """
    example = torch.zeros(2, *images.shape[1:])
    with (
        write_atomically(path, draft=path.with_name(f".{os.getpid()}.{path.name}.part")) as draft,
        warnings.catch_warnings(),
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
        torch.inference_mode(False),
        torch.no_grad(),
    ):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            _Extractor(weights, compute).eval(),
            (example,),
            str(draft),
            dynamo=False,
            input_names=["images"],
            output_names=["features"],
            dynamic_axes={"images": {0: "n"}, "features": {0: "n"}},
        )
    files = sorted(path.parent.glob("*.onnx"), key=lambda file: file.stat().st_mtime)
    for file in files[:-MOST_FILES]:
        file.unlink(missing_ok=True)


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: Any, images: Float[Tensor, "m 3 h w"]) -> Float[Tensor, "m c"]:
    plain = images.detach().contiguous().numpy()
    parts = [session.run(None, {"images": plain[i : i + BATCH]})[0] for i in range(0, len(plain), BATCH)]
    return torch.from_numpy(np.concatenate(parts))


def _compare(session: Any, images: Float[Tensor, "m 3 h w"], compute: Compute) -> tuple[bool, bool]:
    """Whether the features are PyTorch's to 1e-5, and whether they take less time, each at its best of three."""
    agree, torch_seconds, onnx_seconds = True, [], []
    for _ in range(ROUNDS):
        start = perf_counter()
        expected = compute(images).float().detach().numpy()
        between = perf_counter()
        features = _run(session, images).numpy()
        torch_seconds.append(between - start)
        onnx_seconds.append(perf_counter() - between)
        same_shape = expected.shape == features.shape
        agree = agree and same_shape and np.allclose(features, expected, rtol=TOLERANCE, atol=TOLERANCE)
    return agree, min(onnx_seconds) < min(torch_seconds)
