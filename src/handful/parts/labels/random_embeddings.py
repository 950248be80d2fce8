"""Random class vectors, the soft-label paper's ablation (Zhong, Zhao and Wang, section 3.4): vectors without knowledge.

The paper draws each number "from uniform distribution" and does not say between what. It matters: from 0 to 1 any two
vectors have a cosine near 0.75, from -1 to 1 near 0.
"""

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.parts.labels._comparison import check_comparison


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
        context: gives the classes, and the run's seed.
        size: numbers per vector; the paper's GloVe has 300.
        low: least number, inclusive.
        high: largest number, exclusive.
        seed: of the vectors; None: the run's own, so that each run has others.
        similarity: "cosine", or "dot".
        temperature: what similarities are divided by.
        learn_temperature: start from it, and learn it with the network.

    Raises:
        ValueError: no numbers, or no room between low and high.
    """
    check_comparison(similarity, temperature)
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ValueError(f"size is a whole number from 1, not {size!r}")
    if not low < high:
        raise ValueError(f"low must be below high, not {low!r} and {high!r}")
    generator = torch.Generator().manual_seed(context.seed if seed is None else seed)
    vectors = low + (high - low) * torch.rand((len(context.task.classes), size), generator=generator)
    return LabelEmbedding(vectors, similarity, float(temperature), learn_temperature)
