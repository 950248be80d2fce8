"""Temperature scaling: logits divided by one number (Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2).

The temperature is that of least log loss on the training images, each scored by a network that was trained without it
(cross-fitting), so that no validation images are needed. No predicted class changes, only its probability. As in
Platt's scaling (1999, section 2.2) n images count as n right ones of n + 2; otherwise a handful of images that are all
classified right would give probabilities of 1. Networks that are trained on fewer images than the final one are wrong
more often, so that the temperature is too high rather than too low.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import Classifier
from handful.models.posthoc_module import PosthocModule
from handful.models.temperature_scaling import fit_temperature
from handful.parts.posthoc._folds import check_folds, fold_networks, possible_folds, with_card_entry

calibrates = True
BOUNDS = (0.05, 20.0)


class Tempered(PosthocModule):
    """A network whose logits are divided by a temperature; `part` says how to build it again."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__(network, Part("temperature", {"temperature": temperature}))
        self.temperature = temperature

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with other logits; pixel maps stay as they are."""
        output: Output = self.network(images)
        return replace(output, logits=output.logits.float() / self.temperature)


def wrap(network: nn.Module, *, temperature: float) -> Tempered:
    """The network at this temperature; also how a saved one is built again.

    Raises:
        ValueError: it is not a number above 0.
    """
    if isinstance(temperature, bool) or not 0 < temperature < np.inf:
        raise ValueError(f"temperature must be above 0, not {temperature!r}")
    return Tempered(network, float(temperature))


def build(
    context: Context, *, folds: int = 5, fallback: float = 1.0
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Divide the logits by a cross-fitted temperature. Training takes `folds` times as long.

    Args:
        context: gives the recipe, and the training images of each class.
        folds: number of folds; fewer where the smallest class has fewer images.
        fallback: temperature where a class has a single image, so that none can be held out.

    Raises:
        ValueError: a number out of range.
    """
    check_folds(folds)
    wrap(nn.Identity(), temperature=fallback)
    number = possible_folds(context, folds)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        if number < 2:
            value, source = fallback, "fixed: a class has one training image or group, so that none can be left out"
        else:
            fitted_folds = fold_networks(context, data, folds=number)
            logits = np.concatenate([fold.logits for fold in fitted_folds]).astype(np.float64)
            labels = np.concatenate([fold.held_out.labels for fold in fitted_folds])
            value, _ = fit_temperature(logits, labels, bounds=BOUNDS)
            source = f"cross-fitted: {len(logits)} training images in {number} folds"
        network = wrap(one.network, temperature=value).to(one.device).eval()
        return with_card_entry(replace(one, network=network), temperature=round(value, 4), temperature_from=source)

    return apply
