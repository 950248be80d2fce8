"""One-hot class vectors: the identity matrix, compared by dot product, so an embedding is its own logits.

Compared by cosine they are soft labels without knowledge, all classes equally far apart. Label smoothing belongs to the
losses: it changes how sure a target is, not what a class is compared with. Losses that can smooth have an option
`smoothing`, e.g. { name = "cross_entropy", smoothing = 0.1 }.
"""

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.parts.labels._comparison import check_comparison


def build(
    context: Context, *, similarity: Similarity = "dot", temperature: float = 1.0, learn_temperature: bool = False
) -> LabelEmbedding:
    """The identity [k k].

    Args:
        context: gives the classes.
        similarity: "dot", or "cosine".
        temperature: what similarities are divided by.
        learn_temperature: start from it, and learn it with the network.

    Raises:
        ValueError: a comparison that cannot be made.
    """
    check_comparison(similarity, temperature)
    return LabelEmbedding(torch.eye(len(context.task.classes)), similarity, float(temperature), learn_temperature)
