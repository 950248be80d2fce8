"""Random conversion to grayscale, as contrastive learning uses it (SimCLR, appendix A).

Without it, two crops of one image are recognized by their colors alone: https://arxiv.org/abs/2002.05709, section 3.1.
"""

from dataclasses import replace

import torch

from handful.core.color import LUMA
from handful.core.context import Context
from handful.core.tensors import Batch
from handful.parts.augment._part import Augment, bernoulli, check_number


def build(_context: Context, *, probability: float = 0.2) -> Augment:
    """Replace the colors of an image by their luma, in all three channels; pixel labels are unchanged.

    Args:
        probability: chance that an image becomes gray; the paper takes 0.2.

    Raises:
        ValueError: the option is out of range.
    """
    check_number("probability", probability, 0.0, 1.0)

    def grayscale(batch: Batch, generator: torch.Generator) -> Batch:
        images = batch.images
        luma = torch.einsum("c,nchw->nhw", torch.tensor(LUMA).to(images), images)[:, None]
        chosen = bernoulli(images, generator, probability)[:, None, None, None]
        return replace(batch, images=torch.where(chosen, luma, images).contiguous(memory_format=torch.channels_last))

    return grayscale
