"""Pseudo-labels that start from the class names and are made anew in rounds, with ridge regression on frozen features.

Zero-shot scores of the class names (`models.zero_shot`) say something of an unlabelled image while labels are few.
Pseudo-labels from such scores that are made anew in rounds are GRIP's (Menghini et al. 2023,
https://arxiv.org/abs/2306.01669), which trains prompts on them. Here an unlabelled image enters the graph of head
`label_propagation` with a small share of each class, by its scores; labels propagate; ridge regression is fitted to the
pseudo-labels of head `pseudo_labels`; and what it and the graph then say replaces the scores in the next round.

GRIP takes an equal number of images of each class, more in each round. That presumes equally many unlabelled images of
each class, and costs accuracy where they are not. Here every image counts, as far as it is certain.

An image with several candidates for its class enters with a whole label, the guess among these.

What the names say counts as much as `prior` labels per class, shared by the unlabelled images, each at most half a
label; with more labelled images per class less, by the square root of their number. Where the names say nothing of the
images, see `models.name_weight`, there are no rounds, and the head is `pseudo_labels`. The defaults were chosen on
draws of CIFAR-10's training images: with all others unlabelled, 100 or 300 of them, or a long tail.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int
from scipy.special import softmax
from sklearn.decomposition import PCA
from sklearn.linear_model import Ridge
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import HandfulWarning, RecipeError
from handful.models.name_weight import FROM_ONE_IMAGE, NOTHING, choose_weight
from handful.models.zero_shot import BARE, ClassNameScores, NameTexts, image_text_arrays, imagenet_arrays, other_names
from handful.parts.heads._feature_transform import DEFAULT, FeatureTransform, check_positive
from handful.parts.heads._fitted import Arrays
from handful.parts.heads._propagation import graph, labels_of, normalized, possible_classes, propagate
from handful.parts.heads.pseudo_labels import PseudoLabels, check_mix, pseudo_labels
from handful.parts.traits import image_text_model, imagenet_classifiers

fitted = True
own_classes = True
candidates = True
uses_unlabelled = True
COMPONENTS = 300  # principal components that the regression is fitted to
SHARPNESS = 6.0  # factor of the regression's scores, whose targets are 0 and 1
MOST = 0.5  # of a label, that the names may say of an image
CERTAINTY = 0.35  # temperature of the guesses that go into the next round


@dataclass(frozen=True, eq=False)
class Names:
    """Scores of the class names, vectors of other names [r d], and what a cosine is multiplied by to be a logit."""

    scores: ClassNameScores
    others: Float[np.ndarray, "r d"]
    scale: float

    def cosines(self, features: Float[Tensor, "*n c"]) -> Float[Tensor, "*n k"]:
        """Cosines of images and class names."""
        with torch.no_grad():
            flat: Tensor = self.scores(features.reshape(-1, features.shape[-1]).cpu())
        return flat.reshape(*features.shape[:-1], -1).to(features.device)


class PseudoLabelsFromNames(PseudoLabels):
    """Keeps the arrays of its parent; the names are read while it is fitted, and not in prediction."""

    share = 0.0  # with which the names' guess enters the graph
    read: Names | None = None  # a saved model has none
    rounds = 4
    prior = 12.0
    penalty = 0.5

    def fit(
        self,
        features: Float[Tensor, "n v c"],
        labels: Int[Tensor, " n"],
        *,
        seed: int,
        targets: Float[Tensor, "n k"] | None = None,
    ) -> None:
        """Ask whether the names say something of the labelled images, then fit as its parent does."""
        self._ask_names(features, labels, seed)
        super().fit(features, labels, seed=seed, targets=targets)

    def fit_candidates(
        self,
        features: Float[Tensor, "n v c"],
        labels: Int[Tensor, " n"],
        *,
        targets: Float[Tensor, "n k"],
        candidates: Float[Tensor, "n k"],
        seed: int,
    ) -> None:
        """The same of images of which some have candidates."""
        self._ask_names(features, labels, seed)
        super().fit_candidates(features, labels, targets=targets, candidates=candidates, seed=seed)

    def _ask_names(self, features: Float[Tensor, "n v c"], labels: Int[Tensor, " n"], seed: int) -> None:
        """Choose the share with which the names' guesses enter the graph."""
        assert self.read is not None, "built for training"
        names, known = self.read, labels >= 0
        plain = features[known][:, 0].float().cpu()
        with torch.no_grad():
            embedded = names.scores.embed(plain).numpy()
        named = names.scores.named.numpy()
        y = labels[known].cpu().numpy()
        weight = choose_weight(embedded, y, named, names.others, start=names.scale, seed=seed)
        most = min(MOST, self.prior * self.classes / max(1, len(known) - len(y)))
        self.share, self.seed = most * weight.value / names.scale, seed
        self.card = {"class_names": {"weight": round(self.share, 4), "why": weight.reason, "p_value": weight.p_value}}
        if not self.share:
            warnings.warn(f"{NOTHING}: as a prior they have weight 0.", HandfulWarning, stacklevel=3)

    def training_inputs(self, features: Float[Tensor, "n v c"]) -> Float[Tensor, "n v e"]:
        """Transformed features, and where the names say something, the principal components and the names' cosines."""
        x = super().training_inputs(features)
        if not self.share or self.read is None:
            return x
        rows = x.reshape(-1, x.shape[-1]).cpu().numpy()
        count = min(COMPONENTS, *rows.shape)
        pca = PCA(count, svd_solver="randomized", iterated_power=2, random_state=self.seed % 2**32).fit(rows)
        self.axes = np.asarray(pca.components_, np.float32)
        return torch.cat([x, self.read.cosines(features)], dim=-1)

    def learn(
        self, x: Float32[np.ndarray, "m e"], y: Int[np.ndarray, " m"], *, strength: float
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """Propagate labels and guesses, fit the regression, guess again."""
        if x.shape[1] == self.channels or self.read is None:
            return super().learn(x, y, strength=strength)
        return self._in_rounds(self.read, x, y, None)

    def learn_candidates(
        self,
        x: Float32[np.ndarray, "m e"],
        targets: Float32[np.ndarray, "m k"],
        candidates: Float32[np.ndarray, "m k"],
        *,
        strength: float,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        """The same of images of which some have candidates: guesses are among these, and count as a label."""
        if x.shape[1] == self.channels or self.read is None:
            return super().learn_candidates(x, targets, candidates, strength=strength)
        return self._in_rounds(self.read, x, labels_of(targets), candidates > 0)

    def _in_rounds(
        self,
        read: Names,
        x: Float32[np.ndarray, "m e"],
        y: Int[np.ndarray, " m"],
        candidates: Bool[np.ndarray, "m k"] | None,
    ) -> dict[str, Float[np.ndarray, "..."]]:
        z, cosines = np.ascontiguousarray(x[:, : self.channels]), x[:, self.channels :]
        components, edges = z @ self.axes.T, normalized(graph(z, None, neighbors=self.neighbors, power=self.power))
        known, among = y >= 0, None if candidates is None else possible_classes(candidates)
        own_share = np.full(len(y), self.share)
        if candidates is not None:
            own_share[candidates.any(axis=1)] = 1
        guess = _softmax_among(read.scale * (cosines - cosines.mean(axis=0)), among)
        for _ in range(self.rounds):
            seeds = np.where(known[:, None], np.eye(self.classes)[y], own_share[:, None] * guess)
            values = propagate(edges, seeds, spread=self.spread, among=among)
            weight, bias = self._regress(components, *pseudo_labels(values, y))
            scores = components @ weight.T + bias + self.mix * np.log(values + 1e-3 / self.classes)
            guess = _softmax_among(scores / CERTAINTY, among)
        return {"keys": z, "values": values, "weight": weight @ self.axes, "bias": bias}

    def score(self, x: Float[Tensor, "n e"], arrays: Arrays) -> Float[Tensor, "n k"]:
        """Of transformed features; what else an image has while the head is fitted is not read."""
        return super().score(x[:, : self.channels], arrays)

    def _regress(
        self, x: Float32[np.ndarray, "m r"], guesses: Int[np.ndarray, " m"], counts: Float[np.ndarray, " m"]
    ) -> tuple[Float[np.ndarray, "k r"], Float[np.ndarray, " k"]]:
        """Weight and bias by ridge regression; its penalty is relative to the components' mean variance."""
        shares = counts / counts.sum()
        variance = float((shares @ (x - shares @ x) ** 2).mean())
        model: Any = Ridge(alpha=self.penalty * variance, solver="cholesky")
        model.fit(x, np.eye(self.classes)[guesses], sample_weight=shares)
        return SHARPNESS * model.coef_, SHARPNESS * model.intercept_


def _softmax_among(scores: Float[np.ndarray, "m k"], among: Bool[np.ndarray, "m k"] | None) -> Float[np.ndarray, "m k"]:
    """The softmax over the classes that each image may have; None: over all."""
    return np.asarray(softmax(scores if among is None else np.where(among, scores, -np.inf), axis=1))


def build(
    context: Context,
    *,
    backbone: Backbone,
    rounds: int = 4,
    prior: float = 12.0,
    penalty: float = 0.5,
    mix: float = 0.5,
    neighbors: int = 10,
    spread: float = 0.8,
    power: float = 3.0,
    texts: NameTexts = BARE,
    transform: FeatureTransform = DEFAULT,
) -> nn.Module:
    """Build the head of pseudo-labels from class names.

    Args:
        context: gives the recipe, the class names, and whether there are images to train on.
        backbone: what the maps come from.
        rounds: how often pseudo-labels are made.
        prior: labels per class that the names count as, at one labelled image per class.
        penalty: of the regression, relative to the features' variance.
        mix: weight of label propagation's own scores; 0: none.
        neighbors: how many images each image is joined to.
        spread: share of an image's label that comes from its neighbors; below 1.
        power: power of the cosine in an edge's weight.
        texts: options `templates`, `aliases`, `descriptions` and `definitions`, see `NameTexts`.
        transform: options `center`, `l2` and `tukey`, see `FeatureTransform`.

    Raises:
        ValueError: an option out of range.
        RecipeError: the backbone has no scores for class names.
        WeightsError: weights or a text encoder are missing.
        DataError: class names without a vector of their own.
    """
    check_positive(rounds=rounds, prior=prior, penalty=penalty)
    if not isinstance(rounds, int):
        raise ValueError(f"rounds must be a whole number, not {rounds!r}")
    check_mix(mix)
    classes = len(context.task.classes)
    head = PseudoLabelsFromNames(backbone.channels, classes, transform, neighbors=neighbors, spread=spread, power=power)
    head.rounds, head.prior, head.penalty, head.mix = rounds, float(prior), float(penalty), float(mix)
    head.strengths = (10.0,)  # C of its parent's regression
    if context.data is not None:
        head.read = _read_names(context, texts)
    return head


def _read_names(context: Context, texts: NameTexts) -> Names:
    backbone, classes = context.recipe.backbone, context.task.classes
    model, networks = image_text_model(backbone), imagenet_classifiers(backbone)
    if model is None and not networks:
        raise RecipeError(
            "this backbone's features say nothing of class names",
            where="heads/pseudo_labels_names",
            remedy='use head "pseudo_labels", which reads no names, or backbone "efficientnet_lite0", '
            '"efficientnet_lite2", "concat" of both, or "image_text", with the weights that they come with.',
        )
    arrays = imagenet_arrays(networks, classes, texts) if model is None else image_text_arrays(model, classes, texts)
    scale = FROM_ONE_IMAGE["conse" if model is None else "image_text"]
    return Names(ClassNameScores(arrays), other_names(model, arrays), scale)
