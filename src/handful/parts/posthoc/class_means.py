"""Class means: an image's class is that whose training images have the nearest mean of features.

Snell et al. 2017, https://arxiv.org/abs/1703.05175: prototypes are means of features, and probabilities the softmax of
minus the squared distances. It takes the classifier's place behind any trained network; the loss prototypical needs it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.models.posthoc_module import PosthocModule

replaces_classifier = True
Metric = Literal["euclidean", "cosine"]


class ClassMeans(PosthocModule):
    """A network whose logits come from its features' distances to `means`; `part` says how to build it again."""

    means: Tensor

    def __init__(self, network: nn.Module, *, metric: Metric, temperature: float, classes: int, features: int) -> None:
        options = {"metric": metric, "temperature": temperature, "classes": classes, "features": features}
        super().__init__(network, Part("class_means", options))
        self.metric: Metric = metric
        self.temperature = temperature
        self.register_buffer("means", torch.zeros(classes, features))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with other logits; pixel maps stay as they are."""
        output: Output = self.network(images)
        features = output.features.float()
        with torch.autocast(images.device.type, enabled=False):
            if self.metric == "cosine":
                logits = F.normalize(features, dim=1) @ F.normalize(self.means, dim=1).T
            else:
                logits = -torch.cdist(features, self.means, compute_mode="donot_use_mm_for_euclid_dist").square()
        return replace(output, features=features, logits=logits / self.temperature)


def wrap(
    network: nn.Module,
    *,
    metric: Metric = "euclidean",
    temperature: float = 1.0,
    classes: int = 1,
    features: int = 1,
) -> ClassMeans:
    """The network with class means still to be filled in; also how a saved one is built again.

    Raises:
        ValueError: an unknown metric, or a temperature out of range.
    """
    if metric not in get_args(Metric):
        raise ValueError(f"metric must be one of {', '.join(get_args(Metric))}, not {metric!r}")
    if isinstance(temperature, bool) or not 0 < temperature <= 1e6:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    return ClassMeans(network, metric=metric, temperature=float(temperature), classes=classes, features=features)


def over_means(
    classifier: Classifier, data: Dataset, *, metric: Metric = "euclidean", temperature: float = 1.0
) -> Classifier:
    """A classifier by the means of `data`, which has images of every class; of an ensemble, every member does.

    Images are taken as they are predicted, not augmented. The classifier given stays as it is.

    Raises:
        ValueError: as `wrap`.
    """

    def change(one: Classifier) -> Classifier:
        sums: Tensor | float = 0.0
        labels = torch.eye(len(one.classes), dtype=torch.float64)[torch.from_numpy(data.labels)]
        for output in one.outputs(data):
            targets, labels = labels[: len(output.features)], labels[len(output.features) :]
            sums = sums + targets.T @ output.features.double().cpu()
        assert isinstance(sums, Tensor), "there are training images"
        counts = torch.from_numpy(data.counts)
        wrapped = wrap(
            one.network, metric=metric, temperature=temperature, classes=len(one.classes), features=sums.shape[1]
        )
        wrapped.means.copy_((sums / counts[:, None]).float())
        return replace(one, network=wrapped.to(one.device).eval())

    return each(classifier, change)


def build(
    _context: Context, *, metric: Metric = "euclidean", temperature: float = 1.0
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Predict by the nearest class mean.

    Args:
        metric: "euclidean": squared distances, as the paper; "cosine": the angle to the mean.
        temperature: what distances or cosines are divided by, before the softmax. Squared distances grow with the
            number of features: at 1, behind a network trained with another loss, probabilities are near 0 and 1.

    Raises:
        ValueError: an unknown metric, or a temperature out of range.
    """
    wrap(nn.Identity(), metric=metric, temperature=temperature)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        return over_means(classifiers[0], data, metric=metric, temperature=temperature)

    return apply
