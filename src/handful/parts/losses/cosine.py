"""Cosine loss: one minus the cosine between an image's embedding and its class vector (Barz and Denzler 2020).

Deep Learning on Small Datasets without Pre-Training using Cosine Loss, https://arxiv.org/abs/1901.09054, equation 3.
Unlike the soft-label paper's equation 1 it does not push embeddings away from the other classes. With one-hot labels it
is the paper's "one-hot" form, with word vectors its "semantic" form. The paper also adds 0.1 times the cross-entropy of
a further linear layer; here that is { name = "cross_entropy", weight = 0.1 }, on the same logits.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Batch, LabelEmbedding, Output

soft_targets = True
compares_labels = True


class Cosine(nn.Module):
    """Cosine loss of each image, from 0 to 2; 0 for an image without a label."""

    vectors: Tensor

    def __init__(self, labels: LabelEmbedding) -> None:
        super().__init__()
        self.register_buffer("vectors", F.normalize(labels.vectors, dim=1), persistent=False)

    def forward(self, output: Output, batch: Batch) -> Float[Tensor, " n"]:
        """1 - cosine; for a mixed image the mean over its classes, weighted by the targets."""
        cosines = F.normalize(output.embedding.float(), dim=1) @ self.vectors.T
        return (batch.targets * (1 - cosines)).sum(dim=1)


def build(context: Context) -> Cosine:
    """Cosine loss with the vectors of the recipe's `labels`. No options."""
    return Cosine(context.labels)
