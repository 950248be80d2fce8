"""Class names as a prior: zero-shot scores, weighted, are added to the logits of a head on frozen features.

An image-text model says something of a class before the first image of it is seen; Tip-Adapter (Zhang et al. 2022,
https://arxiv.org/abs/2207.09519, equation 5) adds such scores to those of a cache of images. Here the head is any that
is fitted to frozen features, and the embedded network serves as an image-text model by ConSE (Norouzi et al. 2014,
https://arxiv.org/abs/1312.5650), see `models.zero_shot`.

The weight shrinks with the number of images, and is 0 where the names say nothing of them, see `models.name_weight`.
"""

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.errors import HandfulWarning, RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.models.name_weight import FROM_ONE_IMAGE, NOTHING, Weight, choose_weight
from handful.models.posthoc_module import PosthocModule
from handful.models.zero_shot import (
    BARE,
    ClassNameScores,
    NameTexts,
    image_text_arrays,
    imagenet_arrays,
    other_names,
)
from handful.parts.posthoc._folds import logits_and_features
from handful.parts.traits import has_trait, image_text_model, imagenet_classifiers


class WithPrior(PosthocModule):
    """A network to whose logits the weighted cosines of `scores` are added; `part` says how to build it again."""

    def __init__(self, network: nn.Module, scores: ClassNameScores, weight: float) -> None:
        super().__init__(network, Part("zero_shot_prior", {"weight": weight}))
        self.scores = scores
        self.weight = weight

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with other logits."""
        output: Output = self.network(images)
        with torch.autocast(images.device.type, enabled=False):
            logits = output.logits.float() + self.weight * self.scores(output.features)
        return replace(output, logits=logits)


def wrap(network: nn.Module, *, weight: float = 0.0, scores: ClassNameScores | None = None) -> WithPrior:
    """The network with this prior; without `scores` theirs are to be filled in, which rebuilds a saved one.

    Raises:
        ValueError: the weight is out of range.
    """
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= 1e6:
        raise ValueError(f"weight must be a number from 0 up, not {weight!r}")
    return WithPrior(network, ClassNameScores() if scores is None else scores, float(weight))


def build(
    context: Context, *, weight: float | Literal["auto"] = "auto", texts: NameTexts = BARE
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Add the scores of the class names to the logits; of an ensemble, to every member's.

    Args:
        context: gives the recipe and the class names.
        weight: factor of the cosines; "auto": as the number of images per class says, and 0 where names say nothing.
        texts: options `templates`, `aliases`, `descriptions` and `definitions`, see `NameTexts`.

    Raises:
        ValueError: the weight is out of range.
        RecipeError: the backbone has no scores for class names, or is not frozen.
        WeightsError: weights or a text encoder are missing.
        DataError: class names without a vector of their own.
    """
    if weight != "auto":
        wrap(nn.Identity(), weight=weight)
    recipe, classes = context.recipe, context.task.classes
    model, networks = image_text_model(recipe.backbone), imagenet_classifiers(recipe.backbone)
    if model is None and not networks:
        raise RecipeError(
            "this backbone's features say nothing of class names",
            where="posthoc/zero_shot_prior",
            remedy='use backbone "efficientnet_lite0", "efficientnet_lite2", "concat" of both, or "image_text", with '
            "the weights that they come with.",
        )
    if not has_trait("heads", recipe.head, "fitted"):
        raise RecipeError(
            "training the backbone takes its features away from class names",
            where="posthoc/zero_shot_prior",
            remedy='use a head that is fitted to frozen features, e.g. "logistic".',
        )
    arrays = imagenet_arrays(networks, classes, texts) if model is None else image_text_arrays(model, classes, texts)
    scores = ClassNameScores(arrays)
    others = other_names(model, arrays) if weight == "auto" else None

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        chosen = Weight(0.0 if weight == "auto" else float(weight), None)
        if others is not None:
            _, features = logits_and_features(classifiers[0], data)
            with torch.inference_mode():
                embedded = scores.embed(torch.from_numpy(features)).numpy()
            start = FROM_ONE_IMAGE["conse" if model is None else "image_text"]
            chosen = choose_weight(embedded, data.labels, arrays["named"], others, start=start, seed=context.seed)
        entry = {"weight": round(chosen.value, 4), "why": chosen.reason}
        if chosen.p_value is not None:
            entry["p_value"] = round(chosen.p_value, 4)
            if not chosen.value:
                warnings.warn(f"{NOTHING}: as a prior they have weight 0.", HandfulWarning, stacklevel=2)

        def change(one: Classifier) -> Classifier:
            network = wrap(one.network, weight=chosen.value, scores=ClassNameScores(arrays)) if chosen.value else None
            changed = one if network is None else replace(one, network=network.to(one.device).eval())
            return replace(changed, card={**one.card, "class_names": entry})

        changed = each(classifiers[0], change)
        return replace(changed, card={**changed.card, "class_names": entry})

    return apply
