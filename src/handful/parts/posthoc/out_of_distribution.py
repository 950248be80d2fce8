"""Out-of-distribution detection: rejection of images that are unlike the training images.

Three scores, higher for images that are less like the training images:
- mahalanobis: the least distance to a class mean of features, measured by their scatter within classes (Lee et al.
  2018, https://arxiv.org/abs/1807.03888, section 2.1), which is shrunk after Ledoit and Wolf (2004): there are fewer
  images than features. Features are brought to length 1 first (Mueller and Hein 2025, https://arxiv.org/abs/2505.18032):
  otherwise the shorter ones of a plain image look typical.
- nearest_neighbour: distance to the nearest training image, of features brought to length 1 (Sun et al. 2022,
  https://arxiv.org/abs/2204.06507; its k is 1 here, since a class may have two images).
- energy: minus the logarithm of the sum of the logits' exponentials (Liu et al. 2020, https://arxiv.org/abs/2010.03759).
  It depends on the scale of the logits, which `nearest_centroid` fits anew in every fold: use another score there.

Each training image is scored by a network, and by means and scatter, that were fitted without it. A new image's
typicality is the share of those scores that are as high as its own or higher, itself counted in: a conformal p-value
(Laxhammar and Falkman 2015, https://doi.org/10.1007/s10472-013-9381-7). An image is rejected where it is at most
`false_rejection`: of images like the training ones about that share is.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.errors import RecipeError, TrainingError
from handful.models.classifier import Classifier
from handful.models.posthoc_module import PosthocModule
from handful.parts.posthoc._folds import (
    check_folds,
    fold_networks,
    logits_and_features,
    possible_folds,
    with_card_entry,
)

calibrates = True
keeps_probabilities = True
HERE = "posthoc/out_of_distribution"
Score = Literal["mahalanobis", "nearest_neighbour", "energy"]


class Detector(nn.Module):
    """Scores of features or logits; `points` are class means or training images, `axes` those of their scatter."""

    points: Tensor
    axes: Tensor
    weights: Tensor

    def __init__(self, score: Score, *, points: int, rank: int, features: int) -> None:
        super().__init__()
        self.score: Score = score
        self.register_buffer("points", torch.zeros(points, features))
        self.register_buffer("axes", torch.zeros(rank, features))
        self.register_buffer("weights", torch.zeros(rank + 1))  # the last is that of all other directions

    def forward(self, features: Float[Tensor, "n c"], logits: Float[Tensor, "n k"]) -> Float[Tensor, " n"]:
        """Scores; higher is less like the training images."""
        if self.score == "energy":
            return -logits.float().logsumexp(dim=1)
        with torch.autocast(features.device.type, enabled=False):
            features = F.normalize(features.float(), dim=1)
            if self.score == "nearest_neighbour":
                return torch.cdist(features, self.points).amin(dim=1)
            distances = torch.cdist(features, self.points, compute_mode="donot_use_mm_for_euclid_dist").square()
            along = ((features @ self.axes.T)[:, None] - (self.points @ self.axes.T)[None]).square()
            return (along @ self.weights[:-1] + distances * self.weights[-1]).amin(dim=1)


def fit_detector(
    score: Score,
    features: Float[np.ndarray, "n c"],
    labels: Int[np.ndarray, " n"],
    classes: int,
) -> Detector:
    """Fit a detector to the features of training images; every class has one or more."""
    if score == "energy":
        return Detector(score, points=0, rank=0, features=0)
    features = F.normalize(torch.from_numpy(features), dim=1).numpy()
    if score == "nearest_neighbour":
        detector = Detector(score, points=len(features), rank=0, features=features.shape[1])
        detector.points.copy_(torch.from_numpy(features))
        return detector
    means = np.stack([features[labels == c].mean(axis=0) for c in range(classes)]).astype(np.float64)
    centered = features.astype(np.float64) - means[labels]
    axes, variances, rest = _shrunk(centered)
    detector = Detector(score, points=classes, rank=len(axes), features=features.shape[1])
    detector.points.copy_(torch.from_numpy(means))
    detector.axes.copy_(torch.from_numpy(axes))
    detector.weights.copy_(torch.from_numpy(np.append(1 / variances - 1 / rest, 1 / rest)))
    return detector


def _shrunk(
    centered: Float[np.ndarray, "n c"],
) -> tuple[Float[np.ndarray, "r c"], Float[np.ndarray, " r"], float]:
    """Axes of the shrunk covariance, the variance along each, and that across them all, without a c x c matrix."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    share = float(ledoit_wolf_shrinkage(centered, assume_centered=True))
    n, c = centered.shape
    _, lengths, axes = np.linalg.svd(centered, full_matrices=False)
    nonzero = lengths > 1e-6 * max(lengths.max(initial=0.0), 1e-12)
    sample_variances = lengths[nonzero] ** 2 / n
    rest = max(share * sample_variances.sum() / c, 1e-12)
    return axes[nonzero], (1 - share) * sample_variances + rest, float(rest)


class Typical(PosthocModule):
    """A network that also outputs how typical an image is; `part` says how to build it again."""

    scores: Tensor

    def __init__(
        self,
        network: nn.Module,
        *,
        score: Score,
        false_rejection: float,
        images: int,
        points: int,
        rank: int,
        features: int,
    ) -> None:
        shape = {"images": images, "points": points, "rank": rank, "features": features}
        super().__init__(
            network, Part("out_of_distribution", {"score": score, "false_rejection": false_rejection, **shape})
        )
        self.detector = Detector(score, points=points, rank=rank, features=features)
        self.false_rejection = false_rejection
        self.register_buffer("scores", torch.zeros(images))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with `typicality`."""
        output: Output = self.network(images)
        scores = self.detector(output.features, output.logits)
        further = (self.scores[None] >= scores[:, None]).sum(dim=1)
        return replace(output, typicality=(further + 1) / (len(self.scores) + 1))


def wrap(
    network: nn.Module,
    *,
    score: Score = "mahalanobis",
    false_rejection: float = 0.05,
    images: int = 0,
    points: int = 0,
    rank: int = 0,
    features: int = 0,
) -> Typical:
    """The network with a detector still to be filled in; also how a saved one is built again.

    Raises:
        ValueError: an unknown score, or a share that is not between 0 and 1.
    """
    if score not in get_args(Score):
        raise ValueError(f"score must be one of {', '.join(get_args(Score))}, not {score!r}")
    if isinstance(false_rejection, bool) or not 0 < false_rejection < 1:
        raise ValueError(f"false_rejection must be between 0 and 1, e.g. 0.05, not {false_rejection!r}")
    return Typical(
        network,
        score=score,
        false_rejection=float(false_rejection),
        images=images,
        points=points,
        rank=rank,
        features=features,
    )


def build(
    context: Context, *, score: Score = "mahalanobis", false_rejection: float = 0.05, folds: int = 5
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Add how typical each image is, and reject those that are not. Training takes `folds` times as long.

    Args:
        context: gives the recipe, and the training images of each class.
        score: "mahalanobis", "nearest_neighbour" or "energy", see above.
        false_rejection: share of images like the training ones that may be rejected.
        folds: number of folds; fewer where the smallest class has fewer images.

    Raises:
        ValueError: an unknown score or a number out of range.
        RecipeError: the energy is to be read from logits that a part before changed.
        TrainingError: there are too few training images for such a share; says how many it takes.
    """
    wrap(nn.Identity(), score=score, false_rejection=false_rejection)
    check_folds(folds)
    before = [part.name for part in context.recipe.posthoc]
    before = before[: before.index("out_of_distribution")] if "out_of_distribution" in before else before
    if score == "energy" and {"temperature", "tta"} & set(before):
        raise RecipeError(
            "the energy is read from the network's own logits",
            where=HERE,
            remedy="put this part first, or another score.",
        )
    number = possible_folds(context, folds)
    n, needed = int(context.task.counts.sum()), int(np.ceil(round(1 / false_rejection, 6))) - 1
    if number < 2 or n < needed:
        few = "one image or group of a class cannot be left out" if number < 2 else f"there are {n}"
        raise TrainingError(
            f"rejecting a share of {false_rejection:g} needs {needed} training images, two of each class: {few}",
            where=HERE,
            remedy=f"label more, or set false_rejection = {np.ceil(1000 / (n + 1)) / 1000:g} or more.",
        )

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one, k = classifiers[0], len(classifiers[0].classes)
        scores = []
        for part in fold_networks(context, data, folds=number):
            detector = fit_detector(score, logits_and_features(part.classifier, part.train)[1], part.train.labels, k)
            scores.append(detector(torch.from_numpy(part.features), torch.from_numpy(part.logits)))
        final = fit_detector(score, logits_and_features(one, data)[1], data.labels, k)
        shape = {
            "points": len(final.points),
            "rank": len(final.axes),
            "features": final.points.shape[1],
        }
        held_out_scores = torch.cat(scores)
        wrapped = wrap(one.network, score=score, false_rejection=false_rejection, images=len(held_out_scores), **shape)
        wrapped.detector.load_state_dict(final.state_dict())
        wrapped.scores.copy_(held_out_scores)
        facts = {"rejection_score": score, "false_rejection": false_rejection, "rejection_images": len(held_out_scores)}
        return with_card_entry(replace(one, network=wrapped.to(one.device).eval()), **facts)

    return apply
