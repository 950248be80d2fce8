"""Export as a PyTorch program (`torch.export`): resizing, network and all outputs, loadable without handful.

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
from handful.deployment.export.exportable import ExportableModel, refuse_too_large
from handful.deployment.export.exporter_logs import first_error_line, silence_exporters
from handful.deployment.export.to_onnx import metadata
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.kind_checks import refuse_number_model


class _WithResizing(nn.Module):
    def __init__(self, exportable: ExportableModel) -> None:
        super().__init__()
        self.exportable = exportable

    def forward(self, images: UInt8[Tensor, "n 3 h w"]) -> tuple[Tensor, ...]:
        """The outputs, in the order of `exportable.names`."""
        sizes = [size for size, _ in self.exportable.input_sizes]
        resized = [F.interpolate(images, size, mode="bilinear", antialias=True) for size in sizes]
        outputs: tuple[Tensor, ...] = self.exportable(*(image.float() / 255 for image in resized))
        return outputs


def export_torch(classifier: Classifier, path: Path) -> tuple[str, ...]:
    """Write a classifier that is on the CPU as a .pt2 file; its `handful.json` holds class names, recipe and card.

    The program returns a tuple in the order that `outputs` in `handful.json` names; `export_onnx` describes them.

    Args:
        classifier: what to export.
        path: the .pt2 file.

    Returns:
        Names of the outputs.

    Raises:
        ModelError: the model is too large, pads or crops images, or a part of it cannot be traced.
    """
    refuse_too_large(classifier)
    refuse_number_model(classifier.kind, "a file in .pt2", where=classifier.recipe.name)
    exportable = ExportableModel(classifier).eval()
    refuse_resizing(exportable)
    n, h, w = (torch.export.Dim(name, min=low) for name, low in (("n", 1), ("h", 2), ("w", 2)))
    example = torch.zeros(2, 3, 61, 67, dtype=torch.uint8)
    try:
        with silence_exporters(), torch.inference_mode(False), torch.no_grad():
            shapes = {"images": {0: n, 2: h, 3: w}}
            program = torch.export.export(
                _WithResizing(exportable).eval(), (example,), dynamic_shapes=shapes, strict=False
            )
    except Exception as error:  # the exporter raises errors of many types
        raise ModelError(
            f"PyTorch cannot trace it: {first_error_line(error)}",
            where=classifier.recipe.name,
            remedy="export to ONNX, or use the model's folder.",
        ) from error
    pt2 = path.with_name(f".{path.stem}.part.pt2")  # PyTorch warns about any other suffix
    with write_atomically(path, draft=pt2) as draft, silence_exporters():
        torch.export.save(program, draft, extra_files={"handful.json": json.dumps(metadata(exportable))})
    return exportable.names


def refuse_resizing(exportable: ExportableModel) -> None:
    """Refuse ways of resizing that a traced program does not support for images of any size.

    Raises:
        ModelError: images are padded or cropped, or shrunk to a single pixel.
    """
    for size, resize in exportable.input_sizes:
        if resize != "squash" or min(size) < 2:
            raise ModelError(
                f"a PyTorch program resizes by squash only, not to {size[0]} x {size[1]} by {resize}",
                where="resize",
                remedy="export to ONNX, which supports all ways of resizing.",
            )
