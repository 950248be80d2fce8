"""Export as a PyTorch program (`torch.export`): resizing, network and answers, loaded without handful.

program = torch.export.load("model.pt2").module()
probabilities = program(images)[0]      # uint8 RGB [n 3 h w], h and w above 1
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import UInt8
from torch import Tensor, nn

from handful.core.files import write_atomically
from handful.deployment.export.exportable import Answering, refuse
from handful.deployment.export.exporter_logs import quiet, reason
from handful.deployment.export.to_onnx import facts
from handful.errors import ModelError
from handful.models.classifier import Classifier


class _Whole(nn.Module):
    def __init__(self, answering: Answering) -> None:
        super().__init__()
        self.answering = answering

    def forward(self, images: UInt8[Tensor, "n 3 h w"]) -> tuple[Tensor, ...]:
        """The outputs, in the order of `answering.names`."""
        shown = [F.interpolate(images, size, mode="bilinear", antialias=True) for size, _ in self.answering.views]
        said: tuple[Tensor, ...] = self.answering(*(view.float() / 255 for view in shown))
        return said


def export_torch(classifier: Classifier, path: Path) -> tuple[str, ...]:
    """Write a classifier, on the CPU, as a .pt2 file; `handful.json` in it holds class names, recipe and card.

    Outputs are a tuple in the order that `outputs` in `handful.json` names, as `export_onnx` describes them.

    Returns:
        The outputs' names.

    Raises:
        ModelError: the model is too large, pads or crops images, or a part of it cannot be traced.
    """
    refuse(classifier)
    answering = Answering(classifier).eval()
    refuse_views(answering)
    n, h, w = (torch.export.Dim(name, min=low) for name, low in (("n", 1), ("h", 2), ("w", 2)))
    example = torch.zeros(2, 3, 61, 67, dtype=torch.uint8)
    try:
        with quiet(), torch.inference_mode(False), torch.no_grad():
            shapes = {"images": {0: n, 2: h, 3: w}}
            program = torch.export.export(_Whole(answering).eval(), (example,), dynamic_shapes=shapes, strict=False)
    except Exception as error:  # the exporter raises nearly anything
        raise ModelError(
            f"PyTorch cannot trace it: {reason(error)}",
            where=classifier.recipe.name,
            remedy="export to ONNX (--to onnx), or use the model's folder.",
        ) from error
    pt2 = path.with_name(f".{path.stem}.part.pt2")  # PyTorch warns of another suffix
    with write_atomically(path, draft=pt2) as draft, quiet():
        torch.export.save(program, draft, extra_files={"handful.json": json.dumps(facts(answering))})
    return answering.names


def refuse_views(answering: Answering) -> None:
    """Refuse sizes that a program of any image size cannot bring images to.

    Raises:
        ModelError: images are padded or cropped, or shrunk to a single pixel.
    """
    for size, resize in answering.views:
        if resize != "squash" or min(size) < 2:
            raise ModelError(
                f"a PyTorch program squashes images, and this model's are brought to {size[0]} x {size[1]} by {resize}",
                where="resize",
                remedy="export to ONNX (--to onnx), which does both.",
            )
