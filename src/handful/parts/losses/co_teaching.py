"""Co-teaching: two networks, each of which learns from the images on which the other's loss is small.

Han et al. 2018, algorithm 1, https://arxiv.org/abs/1804.06872, for wrong labels: a network learns the right ones first,
so that images of a small loss are likely to have theirs. Of a batch, a network learns the (1 - share) part on which its
peer's cross-entropy is smallest, with share = forget * min(1, t / rise) at a share t of the stage; the loss is the mean
over these images. Chen et al. 2021, https://arxiv.org/abs/2104.13766, train two networks with nested dropout first and
let them choose in a second stage, at a lower rate, from its first step on (rise = 0).

The other images of the batch decide which ones are kept, those of all processes. Of networks in a ring, the peer is the
next one.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.parts.losses._processes import gather_over_processes
from handful.parts.losses._targets import soft_cross_entropy

soft_targets = True
mixes_images = True
needs_peers = True


def smallest(
    values: Float[Tensor, " n"], labelled: Bool[Tensor, " n"], share: float
) -> tuple[Bool[Tensor, " n"], float]:
    """Which labelled images are among this share of the smallest values, at least one; images that tie stay together.

    The second is what their loss is multiplied by: labelled images for each one that is kept.
    """
    everywhere = gather_over_processes(values.masked_fill(~labelled, torch.inf))
    everywhere = everywhere[everywhere.isfinite()]
    if len(everywhere) == 0:
        return torch.zeros_like(labelled), 0.0
    number = max(1, round(share * len(everywhere)))
    limit = everywhere.sort().values[number - 1]
    return labelled & (values <= limit), len(everywhere) / int((everywhere <= limit).sum())


class CoTeaching:
    """Cross-entropy of the images that the peer keeps, in nats; 0 for the others and without a label."""

    def __init__(self, forget: float, rise: float) -> None:
        self.forget, self.rise = forget, rise

    def __call__(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """The loss; its mean over all labelled images is the mean over those that are kept."""
        peer = soft_cross_entropy(output.peers[0].logits.detach().float(), batch.targets)
        forgotten = self.forget * (min(1.0, batch.progress / self.rise) if self.rise > 0 else 1.0)
        chosen, factor = smallest(peer, batch.targets.sum(dim=1) > 0, 1 - forgotten)
        return factor * chosen * soft_cross_entropy(output.logits.float(), batch.targets)


def build(_context: Context, *, forget: float = 0.2, rise: float = 0.05) -> CoTeaching:
    """Co-teaching; the recipe has `peers = 1`, and takes twice the time.

    Args:
        forget: share of the images that are left out in the end, in [0, 1): the share of wrong labels, which the papers
            know and a user guesses.
        rise: share of the stage over which that share rises from 0; 0: it is there from the start. Han et al. take 10
            of 200 epochs, 3,900 steps. Networks that know nothing yet choose badly: of 400 steps on 500 images a half
            was 28 points ahead of a twentieth (`make bench TABLE=noisy-networks`).

    Raises:
        ValueError: forget is not in [0, 1), or rise not in [0, 1].
    """
    if not 0 <= forget < 1:
        raise ValueError(f"forget must be in [0, 1), not {forget!r}")
    if not 0 <= rise <= 1:
        raise ValueError(f"rise must be in [0, 1], not {rise!r}")
    return CoTeaching(forget, rise)
