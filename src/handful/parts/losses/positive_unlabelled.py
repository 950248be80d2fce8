"""Positive-unlabelled loss of several labels per image: present entries are known, all others may be either.

PU-MLC (Yuan et al. 2024, https://arxiv.org/abs/2306.16016, section 3), after the variational loss of Chen et al. 2020
(https://arxiv.org/abs/1906.00642). For each class, over the images of the batch of which anything is known,

    (mean of p)^gamma log(mean of p) - mean over the images that show it of log p,
    p = sigmoid(z / min(1, alpha std z)),

where the standard deviation has no gradient. No entry counts as absent, whether known to be or not; an image's value
is its share, so that the mean over the batch is the sum over the classes. It can be below 0. The paper's term on mixed
images is left out: a loss sees the outputs of a batch, and a batch of mixed images has no second pass.
"""

from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output

multilabel = True
needs_multilabel = True
needs_no_absent = True
mixes_images = True
TINY = 1e-7
COLDEST = 0.05


class PositiveUnlabelled(nn.Module):
    """Positive-unlabelled loss of each image; 0 for one of which nothing is known."""

    def __init__(self, alpha: float | None, gamma: float) -> None:
        super().__init__()
        self.alpha, self.gamma = alpha, gamma

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """In nats, the sum over the classes."""
        known = (batch.labels[:, None] >= 0).expand_as(batch.targets) if batch.known is None else batch.known
        rows = known.any(dim=1, keepdim=True).to(output.logits.dtype)
        present = batch.targets * known
        images, shown = rows.sum().clamp_min(1), present.sum(dim=0).clamp_min(1)
        logits = output.logits.float()
        p = (logits / self._temperature(logits.detach(), rows)).sigmoid()
        mean = ((p * rows).sum(dim=0) / images).clamp_min(TINY)
        everywhere = (mean**self.gamma * mean.log()).sum() * rows[:, 0]
        positive = -(present * p.clamp_min(TINY).log() * images / shown).sum(dim=1)
        return everywhere + positive

    def _temperature(self, logits: Float[Tensor, "n k"], rows: Float[Tensor, "n 1"]) -> Float[Tensor, " k"]:
        if self.alpha is None:
            return logits.new_ones(logits.shape[1])
        images = rows.sum().clamp_min(1)
        mean = (logits * rows).sum(dim=0) / images
        return (self.alpha * (((logits - mean).square() * rows).sum(dim=0) / images).sqrt()).clamp(COLDEST, 1.0)


def build(context: Context, *, alpha: float | None = None, gamma: float = 0.0) -> nn.Module:  # noqa: ARG001
    """Positive-unlabelled loss.

    Args:
        context: not read.
        alpha: temperature of a class's scores, by their standard deviation in the batch, at most 1. The paper takes
            1 to 2.
        gamma: exponent of the mean probability, which weighs the term over all images. The paper takes 0.55 to 0.85.

    Raises:
        ValueError: a number out of range.
    """
    if (alpha is not None and not alpha > 0) or not gamma >= 0:
        raise ValueError(f"alpha must be above 0, and gamma 0 or more, not {alpha} and {gamma}")
    return PositiveUnlabelled(alpha, gamma)
