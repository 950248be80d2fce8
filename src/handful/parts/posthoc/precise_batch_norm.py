"""Precise batch norm: statistics of batch norms computed anew after training, as the network is used in inference.

Wu and Johnson 2021, https://arxiv.org/abs/2105.07576, section 3: training leaves a moving average over batches that
were seen under other weights. Where training and inference differ the average is also of another network: of the two
branches of `dsk_resnext` a training step uses one, and inference the mean of both (VIPF, equation 2). Here the training
images pass through the network once more, with everything but the statistics in inference mode.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.data.in_memory import chunks
from handful.data.pixel_range import scaled
from handful.errors import ModelError
from handful.models.classifier import Classifier
from handful.models.device import autocast
from handful.models.ensemble import each

HERE = "posthoc/precise_batch_norm"


def reestimated(classifier: Classifier, data: Dataset, *, batch_size: int = 256) -> Classifier:
    """The classifier with other statistics; the one given stays as it is. Of an ensemble, every member's.

    Args:
        classifier: a trained classifier.
        data: its training images.
        batch_size: images in a forward pass, at most; the statistics are a mean over the passes.

    Raises:
        ModelError: the network has no batch norm.
    """

    def change(one: Classifier) -> Classifier:
        network = deepcopy(one.network).eval()
        norms = [
            m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats
        ]
        if not norms:
            raise ModelError("the network has no batch norm", where=HERE, remedy="leave it out.")
        before = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all passes
            norm.train()
        passes = -(-len(data) // batch_size)
        images = scaled(data.without_labels(), one.pixel_range).samples
        with torch.no_grad(), autocast(one.recipe.precision, one.device):
            for batch in chunks(images, size=one.size, resize=one.recipe.resize, length=-(-len(data) // passes)):
                network(batch.to(one.device).float().div_(255))
        for norm, momentum in zip(norms, before, strict=True):
            norm.momentum = momentum
        return replace(one, network=network.eval())

    return each(classifier, change)


def build(context: Context, *, batch_size: int = 256) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:  # noqa: ARG001
    """Compute the statistics of all batch norms anew from the training images, without augmentation.

    Args:
        context: not used.
        batch_size: images in a forward pass, at most; from 2 up.

    Raises:
        ValueError: a batch size below 2, which has no variance.
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 2:
        raise ValueError(f"batch_size must be a whole number from 2 up, not {batch_size!r}")

    def apply(classifiers: tuple[Classifier, ...], data: Dataset) -> Classifier:
        return reestimated(classifiers[0], data, batch_size=batch_size)

    return apply
