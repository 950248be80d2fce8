"""Logit adjustment after training: logits - tau log prior (Menon et al. 2021, https://arxiv.org/abs/2007.07314, eq. 9).

The prior is each class's share of the training images. For networks trained with plain cross-entropy, which have learnt
it; the form that changes training instead is `losses/logit_adjustment`. Where classes have as many images each, nothing
changes. Of cosine logits it takes the prior off whole, though at a temperature near 1 they hold little of it: use less
than 1 there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.recipe import Part
from handful.core.tensors import Output
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.models.posthoc_module import PosthocModule


class Adjusted(PosthocModule):
    """A network from whose logits each class's shift is taken; `part` says how to build it again."""

    shift: Tensor

    def __init__(self, network: nn.Module, shift: Sequence[float]) -> None:
        super().__init__(network, Part("logit_adjustment", {"shift": tuple(shift)}))
        self.register_buffer("shift", torch.tensor(shift, dtype=torch.float32))

    def forward(self, images: Float[Tensor, "n 3 h w"]) -> Output:
        """The network's output with other logits; pixel maps stay as they are."""
        output: Output = self.network(images)
        return replace(output, logits=output.logits.float() - self.shift)


def wrap(network: nn.Module, *, shift: Sequence[float]) -> Adjusted:
    """The network with this shift per class; also how a saved one is built again."""
    return Adjusted(network, [float(s) for s in shift])


def build(context: Context, *, tau: float = 1.0) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Take the classes' prior off the logits; of an ensemble, of every member's.

    Args:
        context: gives the training images of each class.
        tau: strength; the paper's 1 makes the balanced error consistent, and it tunes tau on held-out images, which
            nothing here does.

    Raises:
        ValueError: tau is negative.
    """
    if not tau >= 0:
        raise ValueError(f"tau must be 0 or more, not {tau!r}")
    counts = context.task.counts
    shift = tau * np.log(counts / counts.sum())

    def change(one: Classifier) -> Classifier:
        return replace(one, network=wrap(one.network, shift=shift.tolist()).to(one.device).eval())

    def apply(classifiers: tuple[Classifier, ...], _data: Dataset) -> Classifier:
        return each(classifiers[0], change)

    return apply
