"""Test-time augmentation: the mean of the probabilities, or of the numbers, over crops and mirror images.

VIPF predicts with ten crops (section 4.1): the four corners, the center, and their mirror images (Krizhevsky et al.
2012). Images are brought to 1 / `crop` of the working size, so that a crop has the size the network was trained at.
A crop shows things 1 / `crop` larger than the whole image does: this suits networks that were trained on crops.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.kind import Kind
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.models.link import link_of
from handful.models.posthoc_module import PosthocModule
from handful.parts.posthoc._folds import plain_network

multilabel = True
number = True
Views = Literal["flip", "five_crop", "ten_crop"]


class Viewed(PosthocModule):
    """A network asked for several views of each image. It owns nothing; `part` says how to build it again."""

    def __init__(self, network: nn.Module, *, views: Views, crop: float, kind: Kind) -> None:
        options = {"views": views, "crop": crop} | ({} if kind == "multiclass" else {"kind": kind})
        super().__init__(network, Part("tta", options))
        self.views: Views = views
        self.kind = kind
        self.crop = crop

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The views' mean: of probabilities (of which the logits are made) or numbers, embeddings and features.

        A head that segments gives maps of the whole image, not of its crops: of the image reduced to the crop's size
        and, where the views are mirrored, of its mirror image; the mean is brought back to the images' size.
        """
        mirrored = self.views != "five_crop"
        wholes = (images, images.flip(-1)) if mirrored else (images,)
        outputs: list[Output] = [self.network(view) for whole in wholes for view in self._crops(whole)]
        maps = self._maps(images, mirrored=mirrored) if outputs[0].pixels is not None else None
        return Output(
            embedding=torch.stack([o.embedding.float() for o in outputs]).mean(dim=0),
            logits=self._mean([o.logits.float() for o in outputs]),
            features=torch.stack([o.features.float() for o in outputs]).mean(dim=0),
            pixels=maps,
        )

    def _mean(self, logits: list[Float[Tensor, "n k"]]) -> Float[Tensor, "n k"]:
        if self.kind == "number":  # scores are the numbers in other units
            return torch.stack(logits).mean(dim=0)
        link = link_of(self.kind)
        return link.logits(torch.stack([link.probabilities(each) for each in logits]).mean(dim=0))

    def window(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of a crop of images of this size; of `enlarged` ones, the size before."""
        return (size[0], size[1]) if self.views == "flip" else (round(size[0] * self.crop), round(size[1] * self.crop))

    def enlarged(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size to bring images to, so that a crop has this one."""
        return (size[0], size[1]) if self.views == "flip" else (round(size[0] / self.crop), round(size[1] / self.crop))

    def _crops(self, images: Float[Tensor, "n 3 h w"]) -> Iterator[Float[Tensor, "n 3 h2 w2"]]:
        height, width = images.shape[-2:]
        h, w = self.window((height, width))
        if self.views == "flip":
            yield images
            return
        middle = (round((height - h) / 2), round((width - w) / 2))
        for top, left in ((0, 0), (0, width - w), (height - h, 0), (height - h, width - w), middle):
            yield images[..., top : top + h, left : left + w]

    def _maps(self, images: Float[Tensor, "n 3 h w"], *, mirrored: bool) -> Float[Tensor, "n k1 h w"]:
        size = tuple(images.shape[-2:])
        window = self.window((images.shape[-2], images.shape[-1]))
        whole = images if window == size else F.interpolate(images, window, mode="bilinear", antialias=True)
        shown: Tensor = self.network(whole).pixels.float().softmax(dim=1)
        if mirrored:
            shown = (shown + self.network(whole.flip(-1)).pixels.float().softmax(dim=1).flip(-1)) / 2
        if window != size:
            shown = F.interpolate(shown, size, mode="bilinear")
        return shown.clamp_min(1e-30).log()


def wrap(network: nn.Module, *, views: Views = "ten_crop", crop: float = 0.875, kind: Kind = "multiclass") -> Viewed:
    """The network with test-time augmentation; also how a saved one is built again.

    Raises:
        ValueError: unknown views or kind, or a crop outside 0.1 to 1.
    """
    if kind not in get_args(Kind):
        raise ValueError(f"kind must be one of {', '.join(get_args(Kind))}, not {kind!r}")
    if views not in get_args(Views):
        raise ValueError(f"views must be one of {', '.join(get_args(Views))}, not {views!r}")
    if isinstance(crop, bool) or not isinstance(crop, int | float) or not 0.1 <= crop <= 1:
        raise ValueError(f"crop must be a number from 0.1 to 1, not {crop!r}")
    return Viewed(network, views=views, crop=float(crop), kind=kind)


def over_views(classifier: Classifier, *, views: Views = "ten_crop", crop: float = 0.875) -> Classifier:
    """A classifier that predicts from several views; the one given stays as it is. Of an ensemble, every member does.

    Raises:
        ValueError: as `wrap`.
        ModelError: it does so already, or it was calibrated without views.
    """

    def change(one: Classifier) -> Classifier:
        if isinstance(one.network, Viewed):
            raise ModelError(
                f"this model already averages over views ({one.network.views})",
                where=one.recipe.name,
                remedy="leave the second test-time augmentation out.",
            )
        if plain_network(one.network) is not one.network:
            raise ModelError(
                "this model's temperature, thresholds, sets or rejection were calibrated without views and would not "
                "be valid",
                where=one.recipe.name,
                remedy='predict without them, or put { name = "tta" } before the other posthoc parts and train again.',
            )
        wrapped = wrap(one.network, views=views, crop=crop, kind=one.kind).eval()
        return replace(one, network=wrapped, size=wrapped.enlarged(one.size))

    return each(classifier, change)


def build(
    _context: Context, *, views: Views = "ten_crop", crop: float = 0.875
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Predict from several views of each image.

    Args:
        views: "flip": the image and its mirror image. "five_crop": four corners and the center. "ten_crop": these
            and their mirror images. Do not mirror digits and letters.
        crop: side of a crop as a share of the image's; for the crops only.

    Raises:
        ValueError: unknown views, or a crop outside 0.1 to 1.
    """
    wrap(nn.Identity(), views=views, crop=crop)

    def apply(classifiers: tuple[Classifier, ...], _data: Dataset) -> Classifier:
        return over_views(classifiers[0], views=views, crop=crop)

    return apply
