"""Masks from prompts by a SAM-type model (Segment Anything, Kirillov et al. 2023, https://arxiv.org/abs/2304.02643).

Scribbles are passed on as points along them. The embedding of the last image is cached, so that further prompts on it
only run the small decoder.
"""

from threading import Lock
from typing import Any

import numpy as np
import torch

from handful.annotation.tools.prompts import Prompt, newest_box
from handful.core.dataset import Image, Mask
from handful.errors import DataError, RecipeError, WeightsError
from handful.models.hub import local_first

SCRIBBLE_POINTS = 8  # points along a scribble


class SegmentAnything:
    """A SAM-type model from transformers: sam, sam_hq and others that take points and boxes with one mask decoder.

    Args:
        model: its folder, or its name on the Hugging Face hub.
        device: to run on.

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
            self.network = (
                local_first(AutoModelForMaskGeneration.from_pretrained, model, trust_remote_code=False)
                .eval()
                .to(device)
            )
            self.processor = local_first(AutoProcessor.from_pretrained, model, trust_remote_code=False)
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
        self._embedding: tuple[str, Any] = ("", None)
        self._lock = Lock()  # protects the cached embedding

    @torch.inference_mode()
    def mask(self, image: Image, prompts: tuple[Prompt, ...], *, key: str) -> Mask:
        """Segment the object that the prompts mark: the proposal to which the model gives the highest score.

        Args:
            image: uint8 [3 h w].
            prompts: points, scribbles and boxes on the object or on the background; only the newest box counts.
            key: identifies the image.

        Raises:
            DataError: no prompt marks the object.
        """
        size = (image.shape[1], image.shape[2])
        box, points, labels = newest_box(prompts, size), *point_prompts(prompts)
        if box is None and 1 not in labels:
            raise DataError(
                "no box or scribble marks the object",
                where="the prompts",
                remedy="draw a box, or a scribble on the object.",
            )
        given: dict[str, Any] = {"images": np.ascontiguousarray(image.transpose(1, 2, 0)), "return_tensors": "pt"}
        if points:
            given |= {"input_points": [[points]], "input_labels": [[labels]]}
        if box is not None:
            given["input_boxes"] = [[[float(c) for c in box]]]
        with self._lock:
            inputs = self.processor(**given).to(self.device)
            if self._embedding[0] != key:
                self._embedding = (key, self.network.get_image_embeddings(inputs["pixel_values"]))
            arguments = {
                name: inputs[name] for name in ("input_points", "input_labels", "input_boxes") if name in inputs
            }
            outputs = self.network(image_embeddings=self._embedding[1], **arguments)
        sizes = (inputs["original_sizes"].cpu(), inputs["reshaped_input_sizes"].cpu())
        masks = self.processor.image_processor.post_process_masks(outputs.pred_masks.cpu(), *sizes)
        best = int(outputs.iou_scores[0, 0].argmax())
        return np.asarray(masks[0][0, best].numpy(), dtype=bool)


def point_prompts(prompts: tuple[Prompt, ...]) -> tuple[list[list[float]], list[int]]:
    """Points x, y, and their labels: 1 on the object, 0 on the background. Scribbles become points along them."""
    points: list[list[float]] = []
    labels: list[int] = []
    for prompt in prompts:
        if prompt.kind == "box":
            continue
        at = np.linspace(0, len(prompt.points) - 1, min(SCRIBBLE_POINTS, len(prompt.points))).round().astype(int)
        points += [[float(c) for c in prompt.points[int(i)]] for i in at]
        labels += [int(prompt.foreground)] * len(at)
    return points, labels
