"""Random class vectors: soft labels without semantic information (Zhong, Zhao and Wang, the ablation of section 3.4).

The paper samples each number "from uniform distribution" and is silent on its range; we default to [0, 1). The range
matters: from 0 to 1 any two vectors have a cosine near 0.75, from -1 to 1 near 0.
"""

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.parts.labels._comparison import check_similarity


def build(
    context: Context,
    *,
    size: int = 300,
    low: float = 0.0,
    high: float = 1.0,
    seed: int | None = None,
    similarity: Similarity = "cosine",
    temperature: float = 1.0,
    learn_temperature: bool = False,
) -> LabelEmbedding:
    """One random vector per class.

    Args:
        context: the number of classes, and the seed of the run.
        size: numbers per vector, 1 or more; the paper's GloVe vectors have 300.
        low: lower bound of the uniform distribution, inclusive.
        high: upper bound, exclusive.
        seed: seed of the vectors; None: that of the run, so that each run has other vectors.
        similarity: "cosine" or "dot" between embedding and class vectors.
        temperature: divisor of the similarities, from 0.01 to 1000.
        learn_temperature: start from `temperature`, and train it with the network.

    Raises:
        ValueError: size is below 1, low is not below high, the similarity is unknown, or the temperature out of range.
    """
    check_similarity(similarity, temperature)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"size must be a whole number from 1, not {size!r}")
    if not low < high:
        raise ValueError(f"low must be below high, not {low!r} and {high!r}")
    generator = torch.Generator().manual_seed(context.seed if seed is None else seed)
    vectors = low + (high - low) * torch.rand((len(context.task.classes), size), generator=generator)
    return LabelEmbedding(vectors, similarity, float(temperature), learn_temperature)
