"""ConR: features of images with like numbers are alike, of images that are confused unlike (Keramati et al. 2023).

https://arxiv.org/abs/2309.06651, section 3. Two images are a positive pair if their numbers are at most `width` apart,
a negative one if they are farther apart and their predictions are not. With cosines s of the features, each image has

    -mean over its positives of log(exp(s / t) / (sum over positives exp(s / t) + sum over negatives u exp(s / t))),

where u = weight exp(push distance of the numbers); 0 for an image without positives or negatives. It is added to a
loss that learns the numbers. A further view of the images takes part as more images. Of several quantities distances
are means over those that both images have; they are in units of the training images' standard deviation.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.models.link import Linear
from handful.parts.losses._density import DensityWeighting, DensityWeights, density_weights

number = True
needs_number = True
mixes_images = True
needs_views = True


class ConR(nn.Module):
    """Contrastive regularizer of each image, mean over its views."""

    def __init__(
        self, link: Linear, *, width: float, temperature: float, push: float, weights: DensityWeights | None
    ) -> None:
        super().__init__()
        self.link, self.weights = link, weights
        self.width, self.temperature, self.push = width, temperature, push

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """In nats; 0 for an image of which no number is known."""
        known = batch.labels[:, None] >= 0 if batch.known is None else batch.known
        known = known.expand_as(batch.targets)
        views = [output, *(view for view in output.views if len(view.logits) == len(output.logits))]
        values = self.link.logits(batch.targets)
        rows = len(values)
        weights = values.new_ones(rows)
        if self.weights is not None:
            weights = self.weights(values, known).sum(dim=1) / known.sum(dim=1).clamp_min(1)
        features = F.normalize(torch.cat([view.features.float() for view in views]), dim=1)
        predicted = torch.cat([view.logits.float() for view in views]).detach()
        values, known, weights = (x.repeat(len(views), *[1] * (x.ndim - 1)) for x in (values, known, weights))
        each = self._each(features, predicted, values, known, weights)
        return each.view(len(views), rows).mean(dim=0)

    def _each(
        self,
        features: Float[Tensor, "m c"],
        predicted: Float[Tensor, "m k"],
        values: Float[Tensor, "m k"],
        known: Bool[Tensor, "m k"],
        weights: Float[Tensor, " m"],
    ) -> Float[Tensor, " m"]:
        distance, comparable = _distances(values, known)
        confused = _distances(predicted, known)[0] <= self.width
        others = comparable & ~torch.eye(len(values), dtype=torch.bool, device=values.device)
        positive = others & (distance <= self.width)
        negative = others & (distance > self.width) & confused
        cosines = features @ features.T / self.temperature
        push = weights.clamp_min(1e-6).log()[:, None] + self.push * distance
        counted = torch.where(negative, cosines + push, cosines).masked_fill(~(positive | negative), -torch.inf)
        counts = positive.any(dim=1) & negative.any(dim=1)
        total = torch.where(counts[:, None], counted, torch.zeros_like(counted)).logsumexp(dim=1)
        mean = (cosines * positive).sum(dim=1) / positive.sum(dim=1).clamp_min(1)
        return torch.where(counts, total - mean, 0.0 * mean)


def _distances(values: Float[Tensor, "m k"], known: Bool[Tensor, "m k"]) -> tuple[Float[Tensor, "m m"], Tensor]:
    """Mean distance over the quantities that both have, and whether there is one."""
    both = known[:, None] & known[None]
    number = both.sum(dim=2)
    apart = ((values[:, None] - values[None]).abs() * both).sum(dim=2)
    return apart / number.clamp_min(1), number > 0


def build(
    context: Context,
    *,
    width: float = 0.2,
    temperature: float = 0.2,
    push: float = 0.2,
    reweight: DensityWeighting = "none",
    bandwidth: float | None = None,
) -> ConR:
    """ConR.

    Args:
        context: gives the scale of the numbers, and the training images.
        width: largest distance of like numbers, in their deviations. The paper takes a year of age, about 0.06.
        temperature: of the cosines. The paper states 0.2, and its code takes 0.07.
        push: how much more a negative pair is pushed apart by deviation of distance. The paper's 0.01 a year is 0.16.
        reweight: weight of an image's negatives, by its density: "none", "square_root" or "inverse".
        bandwidth: of the density's kernel, in deviations of the numbers; None: n images to the power of -1/5.

    Raises:
        ValueError: a number out of range.
    """
    if not (width > 0 and temperature > 0 and push >= 0):
        raise ValueError(
            f"width and temperature must be above 0, and push 0 or more, not {width}, {temperature} and {push}"
        )
    assert context.task.scale is not None, "recipes are checked against the kind of the data"
    weights = density_weights(context, reweight, bandwidth)
    return ConR(Linear(context.task.scale), width=width, temperature=temperature, push=push, weights=weights)
