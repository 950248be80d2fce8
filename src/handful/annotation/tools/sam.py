"""Masks from marks by a SAM-type model (Kirillov et al. 2023, https://arxiv.org/abs/2304.02643), if there is one.

Points and boxes are its prompts; of a scribble, points along it. The embedding of the newest image is kept, so that
the second mark on it costs the small decoder alone.
"""

from threading import Lock
from typing import Any

import numpy as np
import torch

from handful.annotation.tools.prompts import Mark, box_of
from handful.core.dataset import Image, Mask
from handful.errors import DataError, RecipeError, WeightsError
from handful.models.hub import local_first

ALONG = 8  # points taken from a scribble


class SegmentAnything:
    """A SAM-type model of transformers: sam, sam_hq and what else takes points and boxes with one mask decoder.

    Args:
        model: its folder, or its name on the hub.
        device: where it runs.

    Raises:
        RecipeError: transformers is not installed.
        WeightsError: the model cannot be loaded, or is of another kind.
    """

    def __init__(self, model: str, *, device: str = "cpu") -> None:
        try:
            from transformers import AutoModelForMaskGeneration, AutoProcessor
        except ImportError as error:
            raise RecipeError("a SAM-type model needs transformers", remedy="pip install 'handful[sam]'.") from error
        try:
            self.network = local_first(AutoModelForMaskGeneration.from_pretrained, model).eval().to(device)
            self.processor = local_first(AutoProcessor.from_pretrained, model)
        except (OSError, ValueError, KeyError) as error:
            first = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise WeightsError(
                f"this SAM-type model cannot be loaded ({first})",
                where=model,
                remedy="give the folder of one, or a name on the hub if this machine is online.",
            ) from error
        if not hasattr(self.network, "get_image_embeddings"):
            raise WeightsError(
                "this model does not take points and boxes as SAM does", where=model, remedy="give a SAM model."
            )
        self.device = device
        self._kept: tuple[str, Any] = ("", None)
        self._lock = Lock()  # of the kept embedding; and one mask at a time is enough for a person

    @torch.inference_mode()
    def mask(self, image: Image, marks: tuple[Mark, ...], *, key: str) -> Mask:
        """The object that points, scribbles or a box mean: of the model's proposals the one it scores highest.

        Args:
            image: uint8 [3 h w].
            marks: what says where the object is; scribbles on the background count as points that are not of it.
            key: names the image.

        Raises:
            DataError: nothing says where the object is.
        """
        size = (image.shape[1], image.shape[2])
        box, points, labels = box_of(marks, size), *prompts(marks)
        if box is None and 1 not in labels:
            raise DataError(
                "no box or scribble marks the object",
                where="the marks",
                remedy="draw a box, or a scribble on the object.",
            )
        given: dict[str, Any] = {"images": np.ascontiguousarray(image.transpose(1, 2, 0)), "return_tensors": "pt"}
        if points:
            given |= {"input_points": [[points]], "input_labels": [[labels]]}
        if box is not None:
            given["input_boxes"] = [[[float(c) for c in box]]]
        with self._lock:
            inputs = self.processor(**given).to(self.device)
            if self._kept[0] != key:
                self._kept = (key, self.network.get_image_embeddings(inputs["pixel_values"]))
            asked = {name: inputs[name] for name in ("input_points", "input_labels", "input_boxes") if name in inputs}
            said = self.network(image_embeddings=self._kept[1], **asked)
        sizes = (inputs["original_sizes"].cpu(), inputs["reshaped_input_sizes"].cpu())
        found = self.processor.image_processor.post_process_masks(said.pred_masks.cpu(), *sizes)
        best = int(said.iou_scores[0, 0].argmax())
        return np.asarray(found[0][0, best].numpy(), dtype=bool)


def prompts(marks: tuple[Mark, ...]) -> tuple[list[list[float]], list[int]]:
    """Points x, y with 1 on the object and 0 on the background; of a scribble some along it."""
    points: list[list[float]] = []
    labels: list[int] = []
    for mark in marks:
        if mark.kind == "box":
            continue
        at = np.linspace(0, len(mark.points) - 1, min(ALONG, len(mark.points))).round().astype(int)
        points += [[float(c) for c in mark.points[int(i)]] for i in at]
        labels += [int(mark.foreground)] * len(at)
    return points, labels
