"""Temperature scaling: logits divided by one number (Guo et al. 2017, https://arxiv.org/abs/1706.04599, section 4.2).

The number is that of least log loss on training images, each judged by a network that was trained without it
(cross-fitting: no validation images are spent). No prediction changes, only how sure it is. As in Platt's scaling
(1999, section 2.2) n images count as n right ones of n + 2, or a handful that is classified without a mistake would
give probabilities of 1. Networks that saw fewer images than the final one are the more often wrong, so that the
temperature is rather too high than too low. Measured (python -m bench trust-calibration): at five and ten images per
class the calibration error falls by a third and more; at two, where each network saw one, it rises.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import Classifier
from handful.models.posthoc_module import PosthocModule
from handful.parts.posthoc._folds import check_folds, cross_fit, noted, possible_folds

calibrates = True
LOWEST, HIGHEST = 0.05, 20.0


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


def fit_temperature(logits: Float[np.ndarray, "n k"], labels: Int[np.ndarray, " n"]) -> float:
    """The temperature of least log loss, from 0.05 to 20, with one image in n + 2 taken for wrong."""
    n, k = logits.shape
    rows = np.arange(n)
    targets = np.full((n, k), 1 / (n + 2) / (k - 1))
    targets[rows, labels] = (n + 1) / (n + 2)

    def loss(log_temperature: float) -> float:
        return float(-(targets * log_softmax(logits / np.exp(log_temperature), axis=1)).sum() / n)

    limits = (np.log(LOWEST), np.log(HIGHEST))
    return float(np.exp(minimize_scalar(loss, bounds=limits, method="bounded", options={"xatol": 1e-5}).x))


def build(
    context: Context, *, folds: int = 5, fallback: float = 1.0
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Divide the logits by a cross-fitted temperature. Takes `folds` times the training.

    Args:
        context: gives the recipe, and the training images of each class.
        folds: at most this many, and no more than the smallest class has images.
        fallback: the temperature where a class has a single image, which leaves none to fit on.

    Raises:
        ValueError: a number out of range.
    """
    check_folds(folds)
    wrap(nn.Identity(), temperature=fallback)
    number = possible_folds(context, folds)

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        one = classifiers[0]
        if number < 2:
            value, how = fallback, "fixed: a class has one training image or group, so that none can be left out"
        else:
            parts = cross_fit(context, data, folds=number)
            logits = np.concatenate([p.logits for p in parts]).astype(np.float64)
            value = fit_temperature(logits, np.concatenate([p.held.labels for p in parts]))
            how = f"cross-fitted: {len(logits)} training images in {number} folds"
        network = wrap(one.network, temperature=value).to(one.device).eval()
        return noted(replace(one, network=network), temperature=round(value, 4), temperature_from=how)

    return apply


def temperature_of(classifier: Classifier) -> float:
    """The temperature that a classifier predicts at; 1 where it has none."""
    found = classifier.wrapped_by("temperature")
    return 1.0 if found is None else float(found.temperature)
