"""Platt scaling of each class of several labels per image: probabilities that agree with how often a class is shown.

Platt 1999, section 2.2. Slope and offset of a class are those of least log loss on the training images, each scored by
a network that was trained without it (cross-fitting), shrunk to the pair that all classes share.
Of each class no image's rank changes, so that average precision and conformal sets stay as they are; thresholds that
classes share mean the same in each.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import Classifier
from handful.models.platt_scaling import FEWEST, fit_class_platt
from handful.models.posthoc_module import PosthocModule
from handful.parts.posthoc._folds import check_folds, fold_networks, possible_folds, with_card_entry

multilabel = True
needs_multilabel = True
calibrates = True


class Scaled(PosthocModule):
    """A network whose logits have a slope and an offset for each class; `part` says how to build it again."""

    slopes: Tensor
    offsets: Tensor

    def __init__(self, network: nn.Module, slopes: Sequence[float], offsets: Sequence[float]) -> None:
        super().__init__(network, Part("platt_scaling", {"slopes": tuple(slopes), "offsets": tuple(offsets)}))
        self.register_buffer("slopes", torch.tensor(slopes, dtype=torch.float32), persistent=False)
        self.register_buffer("offsets", torch.tensor(offsets, dtype=torch.float32), persistent=False)

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with other logits."""
        output: Output = self.network(images)
        return replace(output, logits=output.logits.float() * self.slopes + self.offsets)


def wrap(network: nn.Module, *, slopes: Any, offsets: Any) -> Scaled:
    """The network with these slopes and offsets; also how a saved one is built again.

    Raises:
        ValueError: they are not as many finite numbers each, or a slope is not above 0.
    """
    for name, values in (("slopes", slopes), ("offsets", offsets)):
        if not isinstance(values, list | tuple) or not all(
            isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) for v in values
        ):
            raise ValueError(f"{name} must be numbers, not {values!r}"[:200])
    if len(slopes) != len(offsets) or not all(slope > 0 for slope in slopes):
        raise ValueError(f"slopes must be above 0, as many as offsets, not {slopes!r}"[:200])
    return Scaled(network, tuple(float(v) for v in slopes), tuple(float(v) for v in offsets))


def build(context: Context, *, folds: int = 5) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Calibrate each class by itself. Training takes `folds` times as long.

    Args:
        context: gives the recipe, and the training images of each class.
        folds: number of folds; fewer where fewer images show the rarest class, or do not show the most frequent one.
            Where none can be held out, probabilities stay as they are, and the card says so.

    Raises:
        ValueError: a number out of range.
    """
    check_folds(folds)
    number = possible_folds(context, folds)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        if number < 2:
            return with_card_entry(
                one, platt_scaling_from="none: a class has one training image or group, so that none can be left out"
            )
        parts = fold_networks(context, data, folds=number)
        logits = np.concatenate([part.logits for part in parts]).astype(np.float64)
        targets = np.concatenate([part.held_out.targets() for part in parts])
        found = fit_class_platt(logits, targets)
        slopes, offsets = ([float(f"{value:.6g}") for value in row] for row in (found.slopes, found.offsets))
        network = wrap(one.network, slopes=slopes, offsets=offsets).to(one.device).eval()
        entry: dict[str, Any] = {
            "platt_scaling": {
                name: {"slope": slope, "offset": offset}
                for name, slope, offset in zip(one.classes, slopes, offsets, strict=True)
            },
            "platt_scaling_from": f"cross-fitted: {len(targets)} training images in {number} folds",
        }
        if found.shared.any():
            shared = [name for name, alone in zip(one.classes, found.shared, strict=True) if alone]
            entry |= {"platt_scaling_shared": shared, "platt_scaling_fewest": FEWEST}
        return with_card_entry(replace(one, network=network), **entry)

    return apply
