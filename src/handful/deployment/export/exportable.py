"""All that a classifier says, as one module that PyTorch can trace: probabilities, maps, sets, whether to answer."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.tensors import Output
from handful.deployment.export.onnx_resize import View
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.conformal_coverage import CLOSE
from handful.models.ensemble import Ensemble

NAMES = ("probabilities", "maps", "p_values", "sets", "typicality", "answers")
MOST_BYTES = 1_900_000_000  # a graph is one protobuf message, which ends at 2 GB


def views(classifier: Classifier) -> list[View]:
    """The sizes that a classifier brings images to, and how; an ensemble's members may have their own."""
    if not isinstance(classifier, Ensemble):
        return [(classifier.size, classifier.recipe.resize)]
    return list(dict.fromkeys(view for member in classifier.members for view in views(member)))


def refuse(classifier: Classifier) -> None:
    """Refuse what cannot be a graph, before any work.

    Raises:
        ModelError: it is too large.
    """
    size = sum(t.numel() * t.element_size() for t in classifier.network.state_dict().values())
    if size > MOST_BYTES:
        raise ModelError(
            f"its weights are {size / 1e9:.1f} GB, and a graph holds 2",
            where=classifier.recipe.name,
            remedy="export a smaller network, or use the model's folder.",
        )


class Answering(nn.Module):
    """Images at each of the classifier's sizes to what is said of them, in the order of `names`."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.classifier = classifier
        self.network = classifier.network
        self.views = views(classifier)
        self.conformal = classifier.wrapped_by("conformal")
        self.held = None if self.conformal is None else self.conformal.held()
        self.level = None if self.conformal is None else self.conformal.level()
        with torch.inference_mode():
            first = self._said([torch.zeros(1, 3, *size) for size, _ in self.views])
        self.names = tuple(name for name in NAMES if name in first)

    def forward(self, *images: Float[Tensor, "n 3 _ _"]) -> tuple[Tensor, ...]:
        """What `names` says, in that order."""
        said = self._said(list(images))
        return tuple(said[name] for name in self.names)

    def _said(self, images: list[Tensor]) -> dict[str, Tensor]:
        shown = dict(zip(self.views, images, strict=True))
        output = _output(self.classifier, shown)
        probabilities = output.logits.float().softmax(dim=1)
        said = {"probabilities": probabilities}
        if output.pixels is not None:
            said["maps"] = output.pixels.float().softmax(dim=1)
        if self.conformal is not None and self.level is not None:
            said["p_values"] = self.conformal.p_values(images[0], self.held)
            said["sets"] = said["p_values"] > self.level + CLOSE
        if output.typicality is not None:
            said["typicality"] = output.typicality.float()
            best, unknown = probabilities.argmax(dim=1), len(self.classifier.classes)
            rejected = said["typicality"] <= self.classifier.false_rejection + CLOSE
            said["answers"] = torch.where(rejected, unknown, best)
        return said


def _output(classifier: Classifier, shown: dict[View, Tensor]) -> Output:
    if isinstance(classifier, Ensemble):
        return classifier.mean([_output(member, shown) for member in classifier.members])
    network: Any = classifier.network
    output: Output = network(shown[(classifier.size, classifier.recipe.resize)])
    return output
