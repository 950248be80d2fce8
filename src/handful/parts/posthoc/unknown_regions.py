"""Unknown regions: pixels of something that was never taught, in an image whose rest may be well known.

After U3HS (Gasperini et al. 2023, https://arxiv.org/abs/2209.05407; the public code that was read, RuiZhou-cn/U3HS, is
not the authors'). A pixel's uncertainty is, by `score`,
- evidential: K / S, K sorts of pixels (background and the classes), S the sum of alpha = softplus(score) + 1, for
  networks trained with losses/pixel_evidential;
- max_probability: 1 - the probability of the likeliest sort, the usual control;
- energy: minus the logarithm of the sum of the scores' exponentials.

A pixel is unknown where its uncertainty reaches a threshold. That of the paper, mean + 3 standard deviations of the
image's own pixels, finds little in an image full of unknown things; it is `threshold = "image"`. Here it is by default
the uncertainty that a share `false_rejection` of the pixels of training images reaches, each image scored by a network
trained without it. No unknown object is seen in training.

Where losses/pixel_discriminative learned an embedding it is kept, and tells unknown objects that touch apart (DBSCAN).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import Classifier
from handful.models.posthoc_module import PosthocModule, unwrap
from handful.parts.posthoc._folds import check_folds, fold_networks, possible_folds, with_card_entry

calibrates = True
keeps_probabilities = True
needs_pixels = True
Score = Literal["evidential", "max_probability", "energy"]
Threshold = Literal["cross_fitted", "image"]
DEVIATIONS = 3.0


def pixel_uncertainty(pixels: Float[Tensor, "n k1 h w"], score: Score) -> Float[Tensor, "n h w"]:
    """Uncertainty of each pixel from its scores; higher is less like what was taught."""
    pixels = pixels.float()
    if score == "energy":
        return -pixels.logsumexp(dim=1)
    if score == "max_probability":
        return 1 - pixels.softmax(dim=1).amax(dim=1)
    return pixels.shape[1] / (F.softplus(pixels) + 1).sum(dim=1)


class UnknownRegions(PosthocModule):
    """A network that also outputs `uncertainty` and `unknown`; `part` says how to build it again."""

    def __init__(
        self, network: nn.Module, *, score: Score, threshold: float | None, channels: int, embedding: int
    ) -> None:
        options: dict[str, Any] = {"score": score, "channels": channels, "embedding": embedding}
        if threshold is not None:
            options["threshold"] = threshold
        super().__init__(network, Part("unknown_regions", options))
        self.score: Score = score
        self.threshold = threshold
        self.embedding = nn.Conv2d(channels, embedding, 1) if embedding else None
        if self.embedding is not None:
            vars(unwrap(network))["shows_maps"] = True

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with the pixels' uncertainty."""
        output: Output = self.network(images)
        assert output.pixels is not None, "the recipe was checked"
        with torch.autocast(output.pixels.device.type, enabled=False):
            uncertainty = pixel_uncertainty(output.pixels, self.score)
            unknown = uncertainty >= self._threshold(uncertainty)
            embedding = None
            if self.embedding is not None and output.maps is not None:
                embedding = self.embedding(output.maps.float())
        return replace(output, uncertainty=uncertainty, unknown=unknown, pixel_embedding=embedding, maps=None)

    def _threshold(self, uncertainty: Float[Tensor, "n h w"]) -> float | Float[Tensor, "n 1 1"]:
        if self.threshold is not None:
            return self.threshold
        deviation, mean = torch.std_mean(uncertainty, dim=(1, 2), keepdim=True, correction=0)
        return mean + DEVIATIONS * deviation.clamp_min(1e-6)


def wrap(
    network: nn.Module,
    *,
    score: Score = "evidential",
    threshold: float | None = None,
    channels: int = 0,
    embedding: int = 0,
) -> UnknownRegions:
    """The network with the threshold, None being that of each image; also how a saved one is built again.

    Raises:
        ValueError: an unknown score.
    """
    if score not in get_args(Score):
        raise ValueError(f"score must be one of {', '.join(get_args(Score))}, not {score!r}")
    return UnknownRegions(network, score=score, threshold=threshold, channels=channels, embedding=embedding)


def build(
    context: Context,
    *,
    score: Score = "evidential",
    threshold: Threshold = "cross_fitted",
    false_rejection: float = 0.01,
    folds: int = 5,
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Add which pixels are of nothing that was taught. A cross-fitted threshold trains `folds` more networks.

    Args:
        context: gives the recipe, and the training images of each class.
        score: "evidential", "max_probability" or "energy", see above.
        threshold: "cross_fitted", or "image", the paper's; it is also taken where a class has a single image, so that
            none can be held out.
        false_rejection: share of the pixels of images like the training ones that may be called unknown.
        folds: number of folds; fewer where the smallest class has fewer images.

    Raises:
        ValueError: an unknown score or threshold, or a number out of range.
    """
    wrap(nn.Identity(), score=score)
    check_folds(folds)
    if threshold not in get_args(Threshold):
        raise ValueError(f"threshold must be one of {', '.join(get_args(Threshold))}, not {threshold!r}")
    if isinstance(false_rejection, bool) or not 0 < false_rejection < 1:
        raise ValueError(f"false_rejection must be between 0 and 1, e.g. 0.01, not {false_rejection!r}")
    number = possible_folds(context, folds) if threshold == "cross_fitted" else 1

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        value, source = None, "of each image: mean + 3 standard deviations of its pixels"
        if number > 1:
            value = _cross_fitted(context, data, number, score, false_rejection)
            source = f"cross-fitted: {len(data)} training images in {number} folds"
        learned = _embedding(one.network)
        shape = {} if learned is None else {"channels": learned.in_channels, "embedding": learned.out_channels}
        wrapped = wrap(one.network, score=score, threshold=value, **shape)
        if learned is not None and wrapped.embedding is not None:
            wrapped.embedding.load_state_dict(learned.state_dict())
        facts = {"unknown_score": score, "unknown_threshold_from": source, "unknown_share": false_rejection}
        network = wrapped.to(one.device).eval().requires_grad_(False)
        return with_card_entry(replace(one, network=network), **facts)

    return apply


def _cross_fitted(context: Context, data: Dataset, folds: int, score: Score, share: float) -> float:
    """The uncertainty that this share of the held-out pixels reaches."""
    values = []
    for fold in fold_networks(context, data, folds=folds):
        for output in fold.classifier.outputs(fold.held_out.without_labels()):
            assert output.pixels is not None, "the recipe was checked"
            values.append(pixel_uncertainty(output.pixels, score).flatten().cpu().numpy())
    return float(np.quantile(np.concatenate(values), 1 - share))


def _embedding(network: nn.Module) -> nn.Conv2d | None:
    """The convolution that a loss learned for the cells of the maps; None: there is no such loss."""
    learned = (getattr(loss, "pixel_embedding", None) for loss in getattr(unwrap(network), "losses", ()))
    return next((module for module in learned if isinstance(module, nn.Conv2d)), None)
