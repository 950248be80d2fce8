"""Soft decision tree loss: cross-entropy of class probabilities multiplied along the path from the root.

The tree supervision loss of NBDT (Wan et al. 2020, https://arxiv.org/abs/2004.00221) in its soft form. At each node a
softmax over its children, whose scores are the means of the logits below them, decides where an image goes; the
probability of a class is the product of the decisions from the root to its leaf.

It is not `tree_supervision`, VIPF's equation 7, although VIPF names NBDT as its source: there the scores on a path are
added before one softmax over all classes. NBDT's code applies cross-entropy, and so a second softmax, to the
probabilities; here it is their negative logarithm, as the paper writes it.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.hierarchy import Hierarchy
from handful.core.tensors import Batch, Output
from handful.parts.losses._targets import check_smoothing, smooth, soft_cross_entropy

soft_targets = True
needs_hierarchy = True


class SoftDecisionTree(nn.Module):
    """Soft decision tree loss of each image; 0 for an image without a label."""

    means: Tensor
    paths: Tensor
    parents: Tensor

    def __init__(self, hierarchy: Hierarchy, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing
        nodes = [node for node in range(len(hierarchy.parents)) if node != hierarchy.root]
        members = torch.from_numpy(hierarchy.members())[nodes].float()
        parents = torch.tensor([hierarchy.parents[node] - hierarchy.leaves for node in nodes])
        self.inner = len(hierarchy.parents) - hierarchy.leaves
        self.register_buffer("means", (members / members.sum(dim=1, keepdim=True)).T.contiguous(), persistent=False)
        self.register_buffer("paths", members, persistent=False)
        self.register_buffer("parents", parents, persistent=False)

    def log_probabilities(self, logits: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Logarithm of each class's probability: the sum of the logarithms of the decisions on its path."""
        scores = logits @ self.means
        siblings = self.parents.expand_as(scores)
        empty = scores.new_full((len(scores), self.inner), -torch.inf)
        largest = empty.scatter_reduce(1, siblings, scores.detach(), "amax")
        shifted = (scores - largest.gather(1, siblings)).exp()
        total = torch.zeros_like(empty).scatter_add(1, siblings, shifted)
        decisions = scores - (largest + total.log()).gather(1, siblings)
        return decisions @ self.paths

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy of the tree's class probabilities in nats."""
        with torch.autocast(output.logits.device.type, enabled=False):
            scores = self.log_probabilities(output.logits.float())
        return soft_cross_entropy(scores, smooth(batch.targets, self.smoothing))


def build(context: Context, *, smoothing: float = 0.0) -> SoftDecisionTree:
    """Soft decision tree loss with the recipe's `hierarchy`.

    Args:
        context: the hierarchy over the classes.
        smoothing: label smoothing, in [0, 1).

    Raises:
        ValueError: smoothing is not in [0, 1).
    """
    check_smoothing(smoothing)
    assert context.hierarchy is not None, "a recipe with this loss names a hierarchy"
    return SoftDecisionTree(context.hierarchy, smoothing)
