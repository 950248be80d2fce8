"""Gaussian mixture of the pixels' features, for masks that speak of some pixels only: scribbles, points and boxes.

AGMM (Wu et al. 2023, https://arxiv.org/abs/2304.07043; code Luffy03/AGMM-SASS): in each image a class has the mean
feature v of its labelled pixels, and G(x) = exp(-d^2) with d = mean |f(x) - v| says how near another pixel is. The loss
is half the binary cross-entropy of the prediction with G on all pixels, class by class, half that of G with the labels
on the labelled ones, exp(-d^2) between the classes' means, so that these part, and -log(1 - p) of classes that the
image does not show. Both sides learn. All are computed on the cells of the backbone's maps, each channel standardized
over its image, which the paper's features are not; a labelled cell counts by the share of its pixels with that label.
The labelled pixels are learned by another loss, e.g. pixel_cross_entropy.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import IGNORE, Batch, Output, possible_labels

reads_masks = True
needs_maps = True
SMALLEST = 1e-4  # probability, under a logarithm


class PixelGaussianMixture:
    """Loss of each image with labelled pixels; 0 for others."""

    def __init__(self, centers: float, absent: float) -> None:
        self.centers, self.absent = centers, absent

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Nats per cell and class."""
        assert output.pixels is not None, "a recipe with this loss needs a head that segments"
        assert output.maps is not None, "the trait `needs_maps` keeps them"
        with torch.autocast(output.pixels.device.type, enabled=False):
            features = _standardized(output.maps.float())
            cells = (features.shape[2], features.shape[3])
            likely = F.adaptive_avg_pool2d(output.pixels.float().softmax(dim=1), cells).flatten(2)
            share = F.adaptive_avg_pool2d(_one_hot(batch, likely.shape[1]), cells).flatten(2)
            near, between = mixture(features.flatten(2), share)
            present = (share.sum(dim=2) > 0).float()
            alike = _mean(_cross_entropy(likely, near).mean(dim=2), present)
            known = share.sum(dim=1, keepdim=True)
            right = (_cross_entropy(near, share / known.clamp_min(SMALLEST)) * known).sum(dim=2)
            right = _mean(right / known.sum(dim=2).clamp_min(SMALLEST), present)
            value = 0.5 * alike + 0.5 * right + self.centers * between
            if self.absent > 0:
                none = -(1 - likely).clamp_min(SMALLEST).log().mean(dim=2)
                value = value + self.absent * _mean(none, _absent(batch, present))
            return value * (present.sum(dim=1) > 0)


def mixture(
    features: Float[Tensor, "n c s"], share: Float[Tensor, "n k1 s"]
) -> tuple[Float[Tensor, "n k1 s"], Float[Tensor, " n"]]:
    """How near each cell is to each class's mean feature, and the mean nearness of the means to each other.

    Args:
        features: of each cell.
        share: of each cell's pixels that are labelled as each class; a class without any has no mean, and gets numbers
            without a meaning.
    """
    total = share.sum(dim=2)
    means = torch.einsum("ncs,nks->nkc", features, share) / total[:, :, None].clamp_min(SMALLEST)
    shown = (total > 0).float()
    nothing = torch.zeros_like(features[:, 0])
    distance = torch.stack(
        [
            (features - means[:, k, :, None]).abs().mean(dim=1) if bool(shown[:, k].any()) else nothing
            for k in range(share.shape[1])
        ],
        dim=1,
    )
    apart = (means[:, :, None] - means[:, None]).abs().mean(dim=3)
    pairs = (shown[:, :, None] * shown[:, None]).triu(diagonal=1)
    between = ((-apart.square()).exp() * pairs).sum(dim=(1, 2)) / pairs.sum(dim=(1, 2)).clamp_min(1)
    return (-distance.square()).exp(), between


def _standardized(maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """Each channel with mean 0 and deviation 1 over the cells of its image, so that distances have one scale."""
    variance, center = torch.var_mean(maps, dim=(2, 3), keepdim=True, correction=0)
    return (maps - center) / (variance + SMALLEST).sqrt()


def _one_hot(batch: Batch, classes: int) -> Float[Tensor, "n k1 h w"]:
    known = batch.pixel_labels != IGNORE
    one_hot = F.one_hot(batch.pixel_labels.clamp(min=0), classes).movedim(-1, 1)
    return (one_hot * known[:, None]).float()


def _absent(batch: Batch, present: Float[Tensor, "n k1"]) -> Float[Tensor, "n k1"]:
    """1 for each class that the image does not show: no pixel has it, and it is not the image's."""
    return (1 - present) * ~possible_labels(batch.labels, present.shape[1])


def _cross_entropy(p: Float[Tensor, "n k1 s"], target: Float[Tensor, "n k1 s"]) -> Float[Tensor, "n k1 s"]:
    """Binary cross-entropy; gradients flow to both."""
    return -(target * p.clamp_min(SMALLEST).log() + (1 - target) * (1 - p).clamp_min(SMALLEST).log())


def _mean(values: Float[Tensor, "n k1"], counted: Float[Tensor, "n k1"]) -> Float[Tensor, " n"]:
    return (values * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)


def build(_context: Context, *, centers: float = 1.0, absent: float = 1.0) -> PixelGaussianMixture:
    """Gaussian mixture of the pixels' features.

    Args:
        centers: weight of the term that parts the classes' means.
        absent: weight of the term of classes that the image does not show.

    Raises:
        ValueError: a weight is below 0.
    """
    for name, value in (("centers", centers), ("absent", absent)):
        if not value >= 0:
            raise ValueError(f"{name} must be 0 or more, not {value!r}")
    return PixelGaussianMixture(centers, absent)
