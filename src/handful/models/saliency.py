"""Where a classifier looks: a map for each image of what speaks for the class it was given.

A head that segments has such maps itself (CvS: the class's probability at each pixel). For others, Grad-CAM (Selvaraju
et al. 2017, https://arxiv.org/abs/1610.02391, eq. 1 and 2): the backbone's last maps, each weighted by the mean of the
class score's gradient over it, negative sums cut off. That is a dozen lines here; the packages that have it bring
dependencies many times their size, and know nothing of a head behind a wrapping.

A map is no proof. Two checks: maps of a network whose weights were shuffled should look different (Adebayo et al. 2018,
https://arxiv.org/abs/1810.03292), or they show the image's edges and not what was learnt; and where a mask says what is
foreground, the map's highest point should lie in it (the pointing game: Zhang et al. 2016,
https://arxiv.org/abs/1608.00507), and more of the map than the mask's share of the image.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from scipy.stats import rankdata
from torch import Tensor

from handful.core.dataset import Dataset
from handful.data.in_memory import chunks
from handful.data.pixel_range import scaled
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.device import autocast
from handful.models.ensemble import Ensemble
from handful.models.network import Network
from handful.models.posthoc_module import unwrap

CHUNK = 16  # images at a time: gradients keep every layer's maps
FLAT = 1e-5  # a map whose values differ by a smaller share of what they are summed from shows rounding errors


@dataclass(frozen=True, eq=False)
class Saliency:
    """A map in [0, 1] at the working size, its highest point 1; all 0 where it is constant.

    A constant map says that no region of the image speaks for the class more than another.
    """

    predicted: int
    probability: float
    map: Float[np.ndarray, "h w"]

    @property
    def constant(self) -> bool:
        """Whether the map shows nothing."""
        return not self.map.any()


def saliency(classifier: Classifier, data: Dataset) -> Iterator[Saliency]:
    """The map of each sample's most probable class.

    Raises:
        ModelError: the network neither segments nor has one backbone whose maps lead to the class scores, or a map is
            not finite.
    """
    if not len(data):
        return
    first = next(iter(classifier.outputs(data.select([0]))))
    if first.pixels is None:
        backbone = _backbone(classifier)
    samples = scaled(data, classifier.pixel_range).samples
    for images in chunks(samples, size=classifier.size, resize=classifier.recipe.resize, length=CHUNK):
        shown = images.to(classifier.device).float().div_(255)
        output = classifier.of_images(shown) if first.pixels is not None else None
        if output is not None and output.pixels is not None:
            logits = output.logits.float()
            maps = output.pixels.float().softmax(dim=1)[torch.arange(len(logits)), logits.argmax(dim=1) + 1]
        else:
            logits, maps = _grad_cam(classifier, backbone, shown)
        probabilities = logits.softmax(dim=1).cpu().numpy()
        for row, one in zip(probabilities, maps.cpu().numpy(), strict=True):
            if not (np.isfinite(row).all() and np.isfinite(one).all()):
                raise ModelError(
                    "the saliency map of an image is not finite",
                    where=classifier.recipe.name,
                    remedy='train the model again with precision = "fp32", or explain one with another head.',
                )
            yield Saliency(int(row.argmax()), float(row.max()), _scaled(one))


def _scaled(map_: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The map with its highest point at 1; zeros for a constant one."""
    highest = float(map_.max())
    if float(np.ptp(map_)) <= FLAT * highest:
        return np.zeros_like(map_)
    return map_ / max(highest, 1e-12)


def _grad_cam(
    classifier: Classifier, backbone: torch.nn.Module, images: Float[Tensor, "n 3 h w"]
) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n h w"]]:
    seen: list[Tensor] = []
    handle = backbone.register_forward_hook(lambda *given: seen.append(given[2]))
    try:
        with torch.enable_grad(), autocast(classifier.recipe.precision, classifier.device):
            logits: Tensor = classifier.network.eval()(images.requires_grad_()).logits.float()
            gradients = torch.autograd.grad(logits.amax(dim=1).sum(), seen[0])[0].float()
    except (RuntimeError, IndexError) as error:
        raise ModelError(
            "the class scores have no gradient with respect to the backbone's maps",
            where=classifier.recipe.name,
            remedy="explain a model with another head.",
        ) from error
    finally:
        handle.remove()
    terms = gradients.mean(dim=(2, 3), keepdim=True) * seen[0].detach().float()
    cam = terms.sum(dim=1, keepdim=True).relu()
    rounding = FLAT * terms.abs().sum(dim=1, keepdim=True).amax(dim=(2, 3), keepdim=True)
    cam = cam.masked_fill(cam.amax(dim=(2, 3), keepdim=True) <= rounding, 0.0)
    return logits.detach(), F.interpolate(cam, images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]


def _backbone(classifier: Classifier) -> torch.nn.Module:
    network = unwrap(classifier.network)
    if isinstance(classifier, Ensemble) or not isinstance(network, Network) or classifier.wrapped_by("tta") is not None:
        raise ModelError(
            "this model combines several networks or views, so no single map determines its class scores",
            where=classifier.recipe.name,
            remedy="explain one of its members, or a model without test-time augmentation.",
        )
    return network.backbone


def shuffled(classifier: Classifier, *, seed: int = 0) -> Classifier:
    """The classifier with the values of every weight tensor in random order: nothing that was learnt is left."""
    generator = torch.Generator().manual_seed(seed)
    network = deepcopy(classifier.network)
    with torch.no_grad():
        for tensor in (*network.parameters(), *network.buffers()):
            if tensor.is_floating_point() and tensor.numel() > 1:
                flat = tensor.flatten()
                tensor.copy_(flat[torch.randperm(len(flat), generator=generator).to(flat.device)].view_as(tensor))
    return replace(classifier, network=network)


def rank_correlation(a: Float[np.ndarray, "h w"], b: Float[np.ndarray, "h w"]) -> float:
    """Spearman's rank correlation of two maps, -1 to 1; 0 where one of them is flat."""
    first, second = rankdata(a, axis=None), rankdata(b, axis=None)
    if min(np.ptp(first), np.ptp(second)) == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])


def pointing(map_: Float[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]) -> bool:
    """Whether the map's highest point, the first of several, lies in the mask."""
    return bool(mask.flat[int(map_.argmax())])


def share_inside(map_: Float[np.ndarray, "h w"], mask: Bool[np.ndarray, "h w"]) -> float:
    """Share of the map's sum that lies inside the mask; 0 for a map of zeros."""
    return float(map_[mask].sum() / max(float(map_.sum()), 1e-12))
