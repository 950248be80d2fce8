"""One-hot class vectors: the identity matrix, compared by dot product, so that the embedding is the logits.

Compared by cosine they are soft labels without semantic information: all classes are equally distant. Label smoothing
is an option of the losses, because it changes the targets and not the class vectors, e.g.
{ name = "cross_entropy", smoothing = 0.1 }.
"""

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.parts.labels._comparison import check_similarity

multilabel = True
number = True
bag = True


def build(
    context: Context, *, similarity: Similarity = "dot", temperature: float = 1.0, learn_temperature: bool = False
) -> LabelEmbedding:
    """The identity [k k].

    Args:
        context: the number of classes.
        similarity: "dot" or "cosine" between embedding and class vectors.
        temperature: divisor of the similarities, from 0.01 to 1000.
        learn_temperature: start from `temperature`, and train it with the network.

    Raises:
        ValueError: the similarity is unknown, or the temperature out of range.
    """
    check_similarity(similarity, temperature)
    return LabelEmbedding(torch.eye(len(context.task.classes)), similarity, float(temperature), learn_temperature)
