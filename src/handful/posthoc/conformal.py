"""Conformal sets by cross-conformal prediction: the classes that an image may be of, at a chosen coverage.

Vovk 2015, https://doi.org/10.1007/s10472-013-9368-4; Romano, Sesia and Candes 2020, https://arxiv.org/abs/2006.02544
(CV+, section 3). Each training image is scored by the network that was trained without its fold, and a new image by the
same network for the comparison; a class's p-value is the share of training images that fitted their own class as badly
or worse, the new one counted in. The set holds the classes with p above 1 - coverage. The score is minus the logarithm
of the class's probability, which orders as 1 - probability does: the smallest sets on average (Sadinle et al. 2019).

What is guaranteed, for images drawn as the training images were: split-conformal sets hold the right class in a share
of at least `coverage`. Cross-conformal ones need no images of their own, and their formal bound is weaker: with alpha =
1 - coverage, at least 1 - 2 alpha, less a term that falls with the number of images (Barber et al. 2021,
https://arxiv.org/abs/1905.02928, theorem 4). Measured coverage is usually near 1 - alpha (python -m bench
trust-coverage). A set may be empty: no class is near enough. By class, a class's images are compared with that class's
alone, and the statement holds for each class, at the price of larger sets.

crepes has the p-values of split-conformal sets, but does not join folds, and MAPIE trains scikit-learn estimators
anew; so the few lines are here, and tests hold them against crepes.
"""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from handful.classifier import CLOSE, Classifier, Network
from handful.errors import ModelError, TrainingError
from handful.posthoc._cross_fit import Fold, check_folds, cross_fit, noted, plain_network, possible_folds
from handful.types import Context, Dataset, Output, Part

calibrates = True
keeps_probabilities = True
HERE = "posthoc/conformal"
ByClass = bool | Literal["auto"]


class _Given(nn.Module):
    """In the place of a backbone whose maps are handed in."""

    def rest(self, maps: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The maps."""
        return maps


class CrossConformal(nn.Module):
    """A network with those of the folds, and how well each training image fitted its class where it was left out.

    Where the folds' backbones are the network's own (frozen), only their heads are kept.
    """

    scores: Tensor
    labels: Tensor
    fold: Tensor

    def __init__(
        self, network: nn.Module, *, coverage: float, by_class: bool, folds: int, images: int, shared: bool
    ) -> None:
        super().__init__()
        self.network = network
        options = {"coverage": coverage, "by_class": by_class, "folds": folds, "images": images, "shared": shared}
        self.part = Part("conformal", options)
        self.coverage, self.by_class, self.shared = coverage, by_class, shared
        self.folds = nn.ModuleList(_bare(plain_network(network), shared=shared) for _ in range(folds))
        self.register_buffer("scores", torch.zeros(images))
        self.register_buffer("labels", torch.zeros(images, dtype=torch.int64))
        self.register_buffer("fold", torch.zeros(images, dtype=torch.int64))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output as it is."""
        output: Output = self.network(images)
        return output

    def p_values(self, images: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n k"]:
        """p-value of each class for each image, in (0, 1]."""
        scores = [-output.logits.float().log_softmax(dim=1) for output in self._outputs(images)]
        k = scores[0].shape[1]
        counts = torch.zeros_like(scores[0])
        for number, own in enumerate(scores):
            here = self.fold == number
            worse = self.scores[here][None, :, None] >= own[:, None, :]
            if self.by_class:
                worse = worse & F.one_hot(self.labels[here], k).bool()[None]
            counts += worse.sum(dim=1)
        compared = torch.bincount(self.labels, minlength=k) if self.by_class else torch.tensor(len(self.scores))
        return (counts + 1) / (compared.to(counts) + 1)

    def _outputs(self, images: Float[Tensor, "n 3 h w"]) -> list[Output]:
        """The folds' outputs; a backbone that they share runs once."""
        network: Any = plain_network(self.network)
        folds: list[Any] = list(self.folds)
        if not self.shared:
            return [fold(images) for fold in folds]
        if getattr(network.head, "fitted", False):
            features = network.features(images)
            return [fold.head.output(features) for fold in folds]
        maps = network.feature_maps(images)
        return [fold(images, maps) for fold in folds]

    def level(self, coverage: float | None = None) -> float:
        """1 - coverage; None: the model's own.

        Raises:
            ModelError: the training images do not support this coverage.
        """
        wish = self.coverage if coverage is None else coverage
        fewest = int(torch.bincount(self.labels).min()) if self.by_class else len(self.scores)
        if not 0 < wish < 1 or fewest < images_needed(wish):
            raise ModelError(
                f"sets of coverage {wish:g} cannot be given: they take {images_needed(wish)} training images"
                f"{' of each class' if self.by_class else ''}, and there were {fewest}"
                if 0 < wish < 1
                else f"coverage is {wish!r}, and must be between 0 and 1",
                where=HERE,
                remedy=f"ask for {most_coverage(fewest):.3g} or less.",
            )
        return 1 - wish


def images_needed(coverage: float) -> int:
    """The fewest images n whose smallest possible p-value, 1 / (n + 1), rules a class out at this coverage."""
    return int(np.ceil(round(1 / (1 - coverage), 6))) - 1


def most_coverage(images: int) -> float:
    """The highest coverage that so many images support, rounded down to three digits."""
    return float(np.floor(1000 * images / (images + 1) + 1e-9) / 1000)


def wrap(
    network: nn.Module, *, coverage: float = 0.9, by_class: bool = False, folds: int = 2, images: int = 1,
    shared: bool = False,
) -> CrossConformal:  # fmt: skip
    """The network with the folds' networks and scores still to be filled in; also how a saved one is built again.

    Raises:
        ValueError: the coverage is not between 0 and 1.
    """
    if isinstance(coverage, bool) or not 0 < coverage < 1:
        raise ValueError(f"coverage is {coverage!r}, and must be between 0 and 1, e.g. 0.9")
    return CrossConformal(
        network, coverage=float(coverage), by_class=by_class, folds=folds, images=images, shared=shared
    )


def build(
    context: Context, *, coverage: float = 0.9, folds: int = 5, by_class: ByClass = "auto"
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Keep what `Classifier.sets` takes: `folds` times the training, and as many networks asked for each set.

    Args:
        context: gives the recipe, and the training images of each class.
        coverage: share of the sets that are to hold the right class.
        folds: at most this many, and no more than the smallest class has images.
        by_class: compare images of a class with that class's alone; "auto": where each class has twice the images
            that takes, or its largest score alone would decide.

    Raises:
        ValueError: a number out of range.
        TrainingError: the training images cannot support the coverage; says how many would.
    """
    wrap(nn.Identity(), coverage=coverage)
    check_folds(folds)
    if by_class not in (True, False, "auto"):
        raise ValueError(f"by_class is {by_class!r}, and must be true, false or auto")
    number = possible_folds(context, folds)
    apart = _decide(context.task.counts, coverage, by_class)
    _refuse_few(context, coverage, number, by_class=apart)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        parts = cross_fit(context, data, folds=number)
        networks = [part.classifier.network for part in parts]
        shared = _same_backbone([plain_network(one.network), *networks])
        n = sum(len(part.held) for part in parts)
        wrapped = wrap(one.network, coverage=coverage, by_class=apart, folds=number, images=n, shared=shared)
        _fill(wrapped, parts)
        wrapped = wrapped.to(one.device).eval().requires_grad_(False)
        facts = {"coverage": coverage, "coverage_by_class": apart, "coverage_images": n, "coverage_folds": number}
        size = round(expected_size(parts, coverage, by_class=apart), 2)
        return noted(replace(one, network=wrapped), **facts, expected_set_size=size)

    return apply


def expected_size(parts: Sequence[Fold], coverage: float, *, by_class: bool) -> float:
    """Mean number of classes in the sets of the training images, each judged by a network that it did not train."""
    scores = -torch.from_numpy(np.concatenate([part.logits for part in parts])).log_softmax(dim=1).numpy()
    labels = np.concatenate([part.held.labels for part in parts])
    own, size = scores[np.arange(len(labels)), labels], 0
    for y in range(scores.shape[1]):
        among = labels == y if by_class else np.ones(len(labels), dtype=bool)
        ranked = np.sort(own[among])
        itself = among & (own >= scores[:, y])
        worse = len(ranked) - np.searchsorted(ranked, scores[:, y], side="left") - itself
        size += int(((worse + 1) / (len(ranked) - among + 1) > 1 - coverage + CLOSE).sum())
    return size / len(labels)


def _fill(wrapped: CrossConformal, parts: Sequence[Fold]) -> None:
    labels = np.concatenate([part.held.labels for part in parts])
    logits = torch.from_numpy(np.concatenate([part.logits for part in parts]))
    wrapped.labels.copy_(torch.from_numpy(labels))
    wrapped.scores.copy_(F.cross_entropy(logits, torch.from_numpy(labels), reduction="none"))
    wrapped.fold.copy_(torch.from_numpy(np.repeat(np.arange(len(parts)), [len(part.held) for part in parts])))
    for own, part in zip(wrapped.folds, parts, strict=True):
        state = part.classifier.network.state_dict()
        own.load_state_dict({name: value for name, value in state.items() if name in own.state_dict()})


def _bare(network: nn.Module, *, shared: bool) -> nn.Module:
    """A copy to be filled with a fold's weights, without what the losses learnt."""
    copy: Any = deepcopy(network)
    inner = copy
    while hasattr(inner, "part"):
        inner = inner.network
    inner.losses = nn.ModuleList()
    if shared:
        inner.backbone = _Given()
    assert isinstance(copy, nn.Module)
    return copy


def _same_backbone(networks: Sequence[nn.Module]) -> bool:
    """Whether training left one and the same backbone in all of them."""
    if not all(isinstance(network, Network) for network in networks):
        return False
    first, *others = (network.backbone.state_dict() for network in networks if isinstance(network, Network))
    return all(torch.equal(value, other[name]) for other in others for name, value in first.items())


def _decide(counts: Int[np.ndarray, " k"], coverage: float, by_class: ByClass) -> bool:
    return bool(counts.min() >= 2 * images_needed(coverage)) if by_class == "auto" else bool(by_class)


def _refuse_few(context: Context, coverage: float, folds: int, *, by_class: bool) -> None:
    counts, needed = context.task.counts, images_needed(coverage)
    n = int(counts.min() if by_class else counts.sum())
    if folds < 2:
        raise TrainingError(
            f"class {context.task.classes[int(counts.argmin())]!r} has one training image or group: it cannot be left "
            "out and learnt from, so there are no conformal sets",
            where=HERE,
            remedy="label two images or more of each class, or leave the part out.",
        )
    if n < needed:
        whom = "of each class" if by_class else "in all"
        raise TrainingError(
            f"coverage {coverage:g} takes {needed} training images {whom}, and there are {n}: every set would have to "
            "hold all classes",
            where=HERE,
            remedy=f"label {needed - n} more {whom}, or ask for a coverage of {most_coverage(n):.3g} or less.",
        )
