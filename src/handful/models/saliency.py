"""Where a classifier looks: a map for each image of what speaks for the class it was given, or for each of several.

A head that segments has such maps itself (CvS: the class's probability at each pixel; a heat map: its scores above the
image's lowest, as probabilities of large scores are 1 everywhere). For others, Grad-CAM (Selvaraju
et al. 2017, https://arxiv.org/abs/1610.02391, eq. 1 and 2): the backbone's last maps, each weighted by the mean of the
class score's gradient over it, negative sums cut off. That is a dozen lines here; the packages that have it bring
dependencies many times their size, and know nothing of a head behind a wrapping.

A map is no proof. Two checks: maps of a network whose weights were shuffled should look different (Adebayo et al. 2018,
https://arxiv.org/abs/1810.03292), or they show the image's edges and not what was learnt; and where a mask says what is
foreground, the map's highest point should lie in it (the pointing game: Zhang et al. 2016,
https://arxiv.org/abs/1608.00507), and more of the map than the mask's share of the image.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
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
        ModelError: as `class_saliency`.
    """
    yield from (maps[0] for maps in class_saliency(classifier, data, most=1))


def class_saliency(classifier: Classifier, data: Dataset, *, most: int | None = None) -> Iterator[tuple[Saliency, ...]]:
    """The maps of each sample's classes, the most probable first: of those that a multilabel model names.

    Where it names none, and of a model of one class per image, there is that of the most probable class alone.

    Args:
        classifier: of classes.
        data: the images.
        most: at most so many maps of an image; None: of all classes that are named.

    Raises:
        ModelError: the network neither segments nor has one backbone whose maps lead to the class scores, or a map is
            not finite.
    """
    if not len(data):
        return
    first = next(iter(classifier.outputs(data.select([0]))))
    if first.pixels is None:
        backbone = _backbone(classifier)
    heat = getattr(getattr(unwrap(classifier.network), "head", None), "heat", False)
    samples = scaled(data, classifier.pixel_range).samples
    for images in chunks(samples, size=classifier.size, resize=classifier.recipe.resize, length=CHUNK):
        shown = images.to(classifier.device).float().div_(255)
        output = classifier.of_images(shown) if first.pixels is not None else None
        if output is not None and output.pixels is not None:
            logits = output.logits.float()
            order, counts = _explained(classifier, logits, most)
            scores = output.pixels.float()
            of_pixels = scores - scores.amin(dim=(2, 3), keepdim=True) if heat else scores.softmax(dim=1)
            maps = [of_pixels[torch.arange(len(logits)), order[:, rank] + 1] for rank in range(int(counts.max()))]
        else:
            logits, order, counts, maps = _grad_cam(classifier, backbone, shown, most)
        probabilities = classifier.link.probabilities(logits).cpu().numpy()
        by_rank = torch.stack(maps).cpu().numpy()
        for i, (row, classes) in enumerate(zip(probabilities, order.tolist(), strict=True)):
            own = by_rank[: int(counts[i]), i]
            if not (np.isfinite(row).all() and np.isfinite(own).all()):
                raise ModelError(
                    "the saliency map of an image is not finite",
                    where=classifier.recipe.name,
                    remedy='train the model again with precision = "fp32", or explain one with another head.',
                )
            yield tuple(Saliency(c, float(row[c]), _scaled(one)) for c, one in zip(classes, own, strict=False))


def _explained(
    classifier: Classifier, logits: Float[Tensor, "n k"], most: int | None
) -> tuple[Int[Tensor, "n k"], Int[Tensor, " n"]]:
    """The classes of each image by falling score, and of how many of them it has a map."""
    order = logits.detach().argsort(dim=1, descending=True, stable=True)
    counts = torch.ones(len(logits), dtype=torch.int64)
    if classifier.thresholds is not None:
        named = classifier.link.probabilities(logits.detach()).cpu() >= torch.from_numpy(classifier.thresholds)
        first = logits.detach().double() + 1e9 * named.to(logits.device)  # named ones before the others
        order = first.argsort(dim=1, descending=True, stable=True)
        counts = named.sum(dim=1).clamp_min(1)
    return order, counts if most is None else counts.clamp_max(most)


def _scaled(map_: Float[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """The map with its highest point at 1; zeros for a constant one."""
    highest = float(map_.max())
    if float(np.ptp(map_)) <= FLAT * highest:
        return np.zeros_like(map_)
    return map_ / max(highest, 1e-12)


def _grad_cam(
    classifier: Classifier, backbone: torch.nn.Module, images: Float[Tensor, "n 3 h w"], most: int | None
) -> tuple[Float[Tensor, "n k"], Int[Tensor, "n k"], Int[Tensor, " n"], list[Float[Tensor, "n h w"]]]:
    """Scores, the classes by falling score, of how many of them each image has a map, and the maps by that rank."""
    seen: list[Tensor] = []
    handle = backbone.register_forward_hook(lambda *given: seen.append(given[2]))
    try:
        with torch.enable_grad(), autocast(classifier.recipe.precision, classifier.device):
            logits: Tensor = classifier.network.eval()(images.requires_grad_()).logits.float()
            order, counts = _explained(classifier, logits, most)
            ranks = range(int(counts.max()))
            scores = [logits.gather(1, order[:, rank : rank + 1]).sum() for rank in ranks]
            gradients = [torch.autograd.grad(score, seen[0], retain_graph=True)[0].float() for score in scores]
    except (RuntimeError, IndexError) as error:
        raise ModelError(
            "the class scores have no gradient with respect to the backbone's maps",
            where=classifier.recipe.name,
            remedy="explain a model with another head.",
        ) from error
    finally:
        handle.remove()
    features = seen[0].detach().float()
    return logits.detach(), order, counts, [_weighted(features, each, images.shape[-2:]) for each in gradients]


def _weighted(
    features: Float[Tensor, "n c h2 w2"], gradients: Float[Tensor, "n c h2 w2"], size: Sequence[int]
) -> Float[Tensor, "n h w"]:
    """Grad-CAM's maps at the images' size."""
    terms = gradients.mean(dim=(2, 3), keepdim=True) * features
    cam = terms.sum(dim=1, keepdim=True).relu()
    rounding = FLAT * terms.abs().sum(dim=1, keepdim=True).amax(dim=(2, 3), keepdim=True)
    cam = cam.masked_fill(cam.amax(dim=(2, 3), keepdim=True) <= rounding, 0.0)
    return F.interpolate(cam, list(size), mode="bilinear", align_corners=False)[:, 0]


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
