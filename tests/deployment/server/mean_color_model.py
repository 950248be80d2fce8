"""An ONNX model without a graph: class probabilities are computed from an image's mean color."""

import struct
import threading
import zlib
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image as Picture

from handful.models.onnx_model import OnnxModel

CLASSES = ("blue", "green", "red")


@dataclass
class MeanColorSession:
    """Stands for an onnxruntime session: waits until `free` is set, and records the size of each batch."""

    free: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    broken: bool = False

    def run(self, _: None, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        assert self.free.wait(20)
        if self.broken:
            raise RuntimeError("a fault of ours")
        images = inputs["images"].astype(np.float32) / 255
        self.batches.append(len(images))
        scores = np.exp(8 * images.mean(axis=(2, 3))[:, ::-1])
        probabilities = scores / scores.sum(axis=1, keepdims=True)
        maps = np.zeros((len(images), 4, *images.shape[2:]), np.float32)
        maps[np.arange(len(images)), 1 + probabilities.argmax(axis=1)] = 1
        typicality = np.where(images.mean(axis=(1, 2, 3)) > 0.9, 0.01, 0.5).astype(np.float32)
        answers = np.where(typicality < 0.1, 3, probabilities.argmax(axis=1))
        return [probabilities, maps, probabilities > 0.2, typicality, answers]


def mean_color_model(session: MeanColorSession | None = None) -> OnnxModel:
    """A model with every output that the server can pass on."""
    session = session or running_session()
    outputs = ("probabilities", "maps", "sets", "typicality", "answers")
    return OnnxModel(session, CLASSES, (6, 8), "squash", outputs, "colours", false_rejection=0.1)


def running_session(**fields: Any) -> MeanColorSession:
    """A session that does not wait."""
    session = MeanColorSession(**fields)
    session.free.set()
    return session


def image_file(color: str = "red", *, size: tuple[int, int] = (20, 10), kind: str = "PNG") -> bytes:
    """An image file of one color."""
    file = BytesIO()
    Picture.new("RGB", size, color).save(file, format=kind)
    return file.getvalue()


def decompression_bomb(side: int) -> bytes:
    """A PNG that claims so many pixels a side, in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100_000)) + chunk(b"IEND", b"")
