"""Links from scores to probabilities or numbers: softmax for one class per image, a sigmoid per class for several.

Numbers have a linear link: a network's scores are in units of the training images' deviation from their mean. What
combines probabilities, or needs a loss of scores, calls the link of the data's kind; no other module asks which it is.
"""

from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from handful.core.kind import Kind
from handful.core.standardization import Scale

TINY = 1e-12
LEAST = 1e-30  # keeps the logarithm finite; float32 holds it


@runtime_checkable
class Link(Protocol):
    """How class scores (logits) and probabilities of k classes belong together."""

    def probabilities(self, logits: Float[Tensor, "n k *space"]) -> Float[Tensor, "n k *space"]:
        """Probability of each class."""
        ...

    def logits(self, probabilities: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Scores of which these are the probabilities, e.g. of the mean of several models."""
        ...

    def loss(
        self, logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], known: Bool[Tensor, "n k"] | None = None
    ) -> Float[Tensor, " n"]:
        """Negative log-likelihood of each image's targets in nats, over the entries that are known; None: all."""
        ...


class Softmax:
    """One class per image; an image without a label has targets of 0, and no loss."""

    def probabilities(self, logits: Float[Tensor, "n k *space"]) -> Float[Tensor, "n k *space"]:
        """The softmax over the classes."""
        return logits.softmax(dim=1)

    def logits(self, probabilities: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """The logarithm."""
        return probabilities.clamp_min(LEAST).log()

    def loss(
        self,
        logits: Float[Tensor, "n k"],
        targets: Float[Tensor, "n k"],
        known: Bool[Tensor, "n k"] | None = None,  # noqa: ARG002
    ) -> Float[Tensor, " n"]:
        """Cross-entropy."""
        return -(targets * logits.log_softmax(dim=1)).sum(dim=1)

    def loss_of_candidates(self, logits: Float[Tensor, "n k"], candidates: Bool[Tensor, "n k"]) -> Float[Tensor, " n"]:
        """-log of the summed probabilities of each image's candidates in nats; 0 for an image without any."""
        some = candidates.any(dim=1)
        among = logits.masked_fill(~candidates & some[:, None], -torch.inf)
        return logits.logsumexp(dim=1) - among.logsumexp(dim=1)

    def among_candidates(
        self, probabilities: Float[Tensor, "n k"], candidates: Bool[Tensor, "n k"] | None
    ) -> Float[Tensor, "n k"]:
        """Given that an image shows one of its candidates; of an image without any, and for None, as they are."""
        if candidates is None:
            return probabilities
        inside = probabilities.clamp_min(LEAST) * candidates
        some = candidates.any(dim=1, keepdim=True)
        return torch.where(some, inside / inside.sum(dim=1, keepdim=True).clamp_min(LEAST), probabilities)


class Sigmoid:
    """Any number of classes per image, each present or absent by itself."""

    def probabilities(self, logits: Float[Tensor, "n k *space"]) -> Float[Tensor, "n k *space"]:
        """The sigmoid of each score."""
        return logits.sigmoid()

    def logits(self, probabilities: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """The log-odds."""
        p = probabilities.clamp(TINY, 1 - 1e-7)
        return p.log() - (-p).log1p()

    def loss(
        self, logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], known: Bool[Tensor, "n k"] | None = None
    ) -> Float[Tensor, " n"]:
        """Binary cross-entropy, its sum over the known entries."""
        each = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        return (each if known is None else each * known).sum(dim=1)


class Linear:
    """Numbers: a score is the value less the mean of the training images, in units of their standard deviation."""

    def __init__(self, scale: Scale) -> None:
        self.mean, self.deviation = torch.tensor(scale.mean), torch.tensor(scale.deviation)

    def probabilities(self, logits: Float[Tensor, "n k *space"]) -> Float[Tensor, "n k *space"]:
        """The values."""
        mean, deviation = self._for(logits)
        return logits * deviation + mean

    def logits(self, probabilities: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """The scores of values."""
        mean, deviation = self._for(probabilities)
        return (probabilities - mean) / deviation

    def loss(
        self, logits: Float[Tensor, "n k"], targets: Float[Tensor, "n k"], known: Bool[Tensor, "n k"] | None = None
    ) -> Float[Tensor, " n"]:
        """Half the squared error of the scores, the negative log-likelihood of unit variance but for a constant."""
        each = (logits - self.logits(targets)).square() / 2
        return (each if known is None else each * known).sum(dim=1)

    def _for(self, x: Float[Tensor, "n k *space"]) -> tuple[Tensor, Tensor]:
        shape = (1, -1, *[1] * (x.ndim - 2))
        return self.mean.to(x).view(shape), self.deviation.to(x).view(shape)


def link_of(kind: Kind, scale: Scale | None = None) -> Link:
    """The link of a kind of data; numbers have a scale."""
    if kind == "number":
        assert scale is not None, "numbers have a scale"
        return Linear(scale)
    return Sigmoid() if kind == "multilabel" else Softmax()
