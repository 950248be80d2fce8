"""Tree-supervision loss: cross-entropy of class scores summed along the path to the root (VIPF, equation 7).

As in NBDT (Wan et al. 2020, https://arxiv.org/abs/2004.00221) a node's weight vector is the mean of its leaves' rows of
the linear classifier. The score of a node is then the mean of its leaves' logits, and the score of a class, the sum
over the nodes from its leaf to the root, is the logits times a constant matrix. The root adds the same to every class,
so it changes nothing.

The paper writes L_CE, and its equation 4 prints L_CE in a binary form, l log p + (1 - l) log(1 - p); its text names the
cross-entropy after a softmax, which is computed here. NBDT's own loss is another one: `soft_decision_tree`.
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


def path_matrix(hierarchy: Hierarchy) -> Float[Tensor, "k k"]:
    """Matrix from logits to path scores: entry i, j is the sum of 1 / number of leaves over the common ancestors.

    It is symmetric; classes that are joined far from the root share the most.
    """
    members = torch.from_numpy(hierarchy.members()).double()
    return (members.T / members.sum(dim=1) @ members).float()


class TreeSupervision(nn.Module):
    """Tree-supervision loss of each image; 0 for an image without a label."""

    paths: Tensor

    def __init__(self, hierarchy: Hierarchy, smoothing: float) -> None:
        super().__init__()
        self.smoothing = smoothing
        self.register_buffer("paths", path_matrix(hierarchy), persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """Cross-entropy of the path scores in nats."""
        with torch.autocast(output.logits.device.type, enabled=False):
            scores = output.logits.float() @ self.paths
        return soft_cross_entropy(scores, smooth(batch.targets, self.smoothing))


def build(context: Context, *, smoothing: float = 0.0) -> TreeSupervision:
    """Tree-supervision loss with the recipe's `hierarchy`.

    Args:
        context: the hierarchy over the classes.
        smoothing: label smoothing, in [0, 1).

    Raises:
        ValueError: smoothing is not in [0, 1).
    """
    check_smoothing(smoothing)
    assert context.hierarchy is not None, "a recipe with this loss names a hierarchy"
    return TreeSupervision(context.hierarchy, smoothing)
