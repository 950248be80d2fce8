"""Soft labels: the vectors of the class names' words (Zhong, Zhao and Wang, Capturing Prior Knowledge in Soft Labels).

With the losses' cross_entropy this is the paper's equation 1: softmax over the cosine similarities of an image's
embedding with the class vectors, divided by a temperature of 1. The class predicted is the one with the nearest vector.
A cosine is at most 1, so at temperature 1 no probability comes near 1: lower temperatures, or a learnt one, are ours.

The paper says that the feature extractor's output has the vectors' length, not how: here it is the head's last layer
that takes the pooled features to it (heads/linear, or heads/projection with a hidden layer).

Measured on CIFAR-10 at 50 images per class, from random weights (bench soft-labels): no gain over cross-entropy, at a
temperature of 0.3 or 1, nor over random vectors; see docs/decisions/2026-11-22-what-soft-labels-bring.md.
"""

from collections.abc import Mapping, Sequence

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.models.text import class_vectors
from handful.parts.labels._comparison import check_comparison

reads_names = True


def build(
    context: Context,
    *,
    source: str = "minilm",
    path: str | None = None,
    aliases: Mapping[str, str] | str | None = None,
    descriptions: Mapping[str, str] | str | None = None,
    templates: Sequence[str] = ("{}",),
    weights: Mapping[str, float] | None = None,
    similarity: Similarity = "cosine",
    temperature: float = 1.0,
    learn_temperature: bool = False,
) -> LabelEmbedding:
    """One vector per class; of a name of several words, their mean.

    Args:
        context: gives the class names.
        source: "minilm", "sentences", "image_text", "words" or "vectors": see
            `handful.models.text.class_vectors`, also for the next five.
        path: file, folder or model name of the source.
        aliases: what to read instead of a class's name, in the recipe ({ "0" = "zero" }) or a TOML or CSV file.
        descriptions: a text that stands for a class.
        templates: sentences for a sentence encoder.
        weights: of words in a name.
        similarity: "cosine", or "dot".
        temperature: what similarities are divided by.
        learn_temperature: start from it, and learn it with the network.

    Raises:
        DataError, WeightsError: names or sources that give no vectors, or two classes the same.
        ValueError: options that do not go together.
    """
    check_comparison(similarity, temperature)
    found = class_vectors(
        context.task.classes,
        source=source,
        path=path,
        aliases=aliases,
        descriptions=descriptions,
        templates=templates,
        weights=weights,
    )
    vectors = torch.from_numpy(found.vectors)
    return LabelEmbedding(vectors, similarity, float(temperature), learn_temperature, found.read_as)
