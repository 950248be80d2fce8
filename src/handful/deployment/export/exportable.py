"""A classifier with all its outputs as one module that PyTorch can trace: probabilities, maps, sets, rejection."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.tensors import Output
from handful.deployment.export.onnx_resize import InputSize
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.conformal_coverage import CLOSE
from handful.models.ensemble import Ensemble

OUTPUT_NAMES = ("numbers", "probabilities", "present", "maps", "p_values", "sets", "typicality", "answers", "unknown")
MAX_BYTES = 1_900_000_000  # an ONNX model is one protobuf message, which is limited to 2 GB


def input_sizes(classifier: Classifier) -> list[InputSize]:
    """The input sizes of a classifier, without repetition; those of an ensemble's members may differ."""
    if not isinstance(classifier, Ensemble):
        return [(classifier.size, classifier.recipe.resize)]
    return list(dict.fromkeys(size for member in classifier.members for size in input_sizes(member)))


def refuse_too_large(classifier: Classifier) -> None:
    """Refuse a classifier that is too large for an ONNX model.

    Raises:
        ModelError: its weights are too large.
    """
    size = sum(t.numel() * t.element_size() for t in classifier.network.state_dict().values())
    if size > MAX_BYTES:
        raise ModelError(
            f"the weights are {size / 1e9:.1f} GB, and an exported model may have at most 2",
            where=classifier.recipe.name,
            remedy="export a smaller network, or use the model's folder.",
        )


class ExportableModel(nn.Module):
    """Maps images at each input size of a classifier to its outputs, in the order of `names`."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier
        self.network = classifier.network
        self.input_sizes = input_sizes(classifier)
        thresholds = classifier.thresholds
        self.thresholds = None if thresholds is None else torch.from_numpy(thresholds)
        self.conformal = classifier.wrapped_by("conformal")
        self.calibration = None if self.conformal is None else self.conformal.fold_scores()
        self.significance = None if self.conformal is None else self.conformal.significance()
        with torch.inference_mode():
            outputs = self._outputs([torch.zeros(1, 3, *size) for size, _ in self.input_sizes])
        self.names = tuple(name for name in OUTPUT_NAMES if name in outputs)

    def forward(self, *images: Float[Tensor, "n 3 _ _"]) -> tuple[Tensor, ...]:
        """The outputs in the order of `names`."""
        outputs = self._outputs(list(images))
        return tuple(outputs[name] for name in self.names)

    def _outputs(self, images: list[Tensor]) -> dict[str, Tensor]:
        images_by_size = dict(zip(self.input_sizes, images, strict=True))
        output = _forward(self.classifier, images_by_size)
        probabilities = self.classifier.link.probabilities(output.logits.float())
        if self.classifier.kind == "number":
            return {"numbers": probabilities}
        outputs = {"probabilities": probabilities}
        if self.thresholds is not None:
            outputs["present"] = probabilities >= self.thresholds
        if output.pixels is not None:
            outputs["maps"] = output.pixels.float().softmax(dim=1)
        if self.conformal is not None and self.significance is not None:
            outputs["p_values"] = self.conformal.p_values(images[0], self.calibration)
            outputs["sets"] = outputs["p_values"] > self.significance + CLOSE
        if output.typicality is not None:
            outputs["typicality"] = output.typicality.float()
            best, unknown = probabilities.argmax(dim=1), len(self.classifier.classes)
            rejected = outputs["typicality"] <= self.classifier.false_rejection + CLOSE
            outputs["answers"] = torch.where(rejected, unknown, best)
        if output.unknown is not None:
            outputs["unknown"] = output.unknown
        return outputs


def _forward(classifier: Classifier, images: dict[InputSize, Tensor]) -> Output:
    if isinstance(classifier, Ensemble):
        return classifier.mean([_forward(member, images) for member in classifier.members])
    network: Any = classifier.network
    output: Output = network(images[(classifier.size, classifier.recipe.resize)])
    return output
