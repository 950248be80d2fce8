"""Cross-entropy of the class logits with the batch's targets: of the softmax, or of a sigmoid per class.

Label smoothing and class weights are optional. A weight multiplies a class's target, so the loss of mixed and smoothed
targets is the weighted mixture of the classes' losses, as in `torch.nn.CrossEntropyLoss` with class probabilities.

Of an image whose label names a group of classes, its candidates, it is -log of the sum of their probabilities: the
negative log-likelihood of "one of these" (Jin and Ghahramani 2002, "Learning with Multiple Labels"; Cour et al. 2011,
https://jmlr.org/papers/v12/cour11a.html, learn from such sets by another loss). Of a single candidate it equals the
cross-entropy with that class. Its gradient is that of the cross-entropy with the network's own probabilities among the
candidates as the target, which PRODEN (Lv et al. 2020, https://arxiv.org/abs/2002.08053) takes from the epoch before.

Of images with several labels it is the binary cross-entropy, its sum over the classes. An entry that is not known has
no loss, or a weak one as an absent one: of weight 1 / (k - 1), with which one known label per image weighs as much as
all others together (Cole et al. 2021, https://arxiv.org/abs/2106.09708, "weak assume negative").

Of numbers it is half the squared error, in units of the training images' standard deviation: the negative
log-likelihood of a normal distribution, as cross-entropy is that of classes.
"""

from typing import Literal, get_args

from jaxtyping import Bool, Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, Output
from handful.models.link import Linear, Sigmoid, Softmax
from handful.parts.losses._priors import Reweight, class_weights
from handful.parts.losses._targets import check_smoothing, smooth

soft_targets = True
candidates = True
multilabel = True
number = True
Unknown = Literal["mask", "weak", "absent"]


class CrossEntropy(nn.Module):
    """Cross-entropy of each image; 0 for an image without a label or candidates."""

    weights: Tensor | None

    def __init__(self, smoothing: float, weights: Float[Tensor, " k"] | None = None) -> None:
        super().__init__()
        self.link = Softmax()
        self.smoothing = smoothing
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy in nats."""
        targets = smooth(batch.targets, self.smoothing)
        loss = self.link.loss(output.logits, targets if self.weights is None else targets * self.weights)
        return loss if batch.candidates is None else loss + self._of_candidates(output.logits, batch.candidates)

    def _of_candidates(self, logits: Float[Tensor, "n k"], candidates: Bool[Tensor, "n k"]) -> Float[Tensor, " n"]:
        """-log of the summed probabilities, smoothed; class weights have a mean of 1 and do not apply."""
        loss = self.link.loss_of_candidates(logits, candidates)
        if not self.smoothing:
            return loss
        evenly = candidates.any(dim=1, keepdim=True).to(logits).expand_as(logits) / logits.shape[1]
        return (1 - self.smoothing) * loss + self.smoothing * self.link.loss(logits, evenly)


class BinaryCrossEntropy(nn.Module):
    """Binary cross-entropy of each image, its sum over the classes; 0 for an image of which nothing is known."""

    def __init__(self, smoothing: float, unknown: Unknown) -> None:
        super().__init__()
        self.link = Sigmoid()
        self.smoothing, self.unknown = smoothing, unknown

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Binary cross-entropy in nats."""
        assert batch.known is not None, "batches of multilabel data say what is known"
        targets = batch.targets * (1 - self.smoothing) + self.smoothing / 2
        loss = self.link.loss(output.logits, targets, batch.known)
        if self.unknown == "mask":
            return loss
        unknown: Bool[Tensor, "n k"] = batch.known.any(dim=1, keepdim=True) & ~batch.known
        weight = 1.0 if self.unknown == "absent" else 1 / max(1, targets.shape[1] - 1)
        return loss + weight * self.link.loss(output.logits, targets, unknown)


class SquaredError(nn.Module):
    """Half the squared error of each image's numbers, its sum over those that are known."""

    def __init__(self, link: Linear) -> None:
        super().__init__()
        self.link = link

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """In units of the squared deviation."""
        return self.link.loss(output.logits, batch.targets, batch.known)


def build(
    context: Context,
    *,
    smoothing: float = 0.0,
    reweight: Reweight = "none",
    beta: float = 0.9999,
    unknown: Unknown = "mask",
) -> nn.Module:
    """Cross-entropy.

    Args:
        context: the number of training images of each class.
        smoothing: label smoothing, in [0, 1): the share of each target that is spread evenly over all classes; of
            several labels per image, over present and absent.
        reweight: class weights: "none", "inverse" (1 / n) or "effective" (1 / effective number, Cui et al. 2019,
            https://arxiv.org/abs/1901.05555). Their mean over the training images is 1. For one label per image; an
            image with candidates has a weight of 1.
        beta: of the effective number, in [0, 1); used with "effective".
        unknown: what an unknown entry is, of several labels per image: "mask", no loss; "absent"; or "weak", absent
            with a weight of 1 / (k - 1).

    Raises:
        ValueError: smoothing or beta is not in [0, 1), `reweight` or `unknown` is not one of these, or class weights of
            several labels per image.
    """
    check_smoothing(smoothing)
    weights = class_weights(context.task.counts, reweight, beta)
    if unknown not in get_args(Unknown):
        raise ValueError(f"unknown must be one of {', '.join(get_args(Unknown))}, not {unknown!r}")
    if context.task.scale is not None:
        if reweight != "none" or smoothing or unknown != "mask":
            raise ValueError("smoothing, reweight and unknown are for classes, and these images have numbers")
        return SquaredError(Linear(context.task.scale))
    if context.task.kind == "multiclass":
        return CrossEntropy(smoothing, None if reweight == "none" else weights)
    if reweight != "none":
        raise ValueError("reweight is for one label per image")
    return BinaryCrossEntropy(smoothing, unknown)
