"""Soft labels: word vectors of the class names (Zhong, Zhao and Wang, Capturing Prior Knowledge in Soft Labels).

With the loss cross_entropy this is the paper's equation 1: a softmax over the cosine similarities of an image's
embedding with the class vectors, at temperature 1. The predicted class is the one with the nearest vector. A cosine is
at most 1, so at temperature 1 no probability is close to 1: lower and learned temperatures are our additions.

The paper states that the feature extractor's output has the length of the vectors and is silent on how; here the head's
last layer maps the pooled features to it (heads/linear, or heads/projection with a hidden layer).
"""

from collections.abc import Mapping, Sequence

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.models.text import TextSource, class_vectors
from handful.parts.labels._comparison import check_similarity

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
        context: the class names.
        source: "minilm" (installed sentence encoder), "sentences" (a sentence-transformers model), "image_text" (the
            text encoder of a CLIP-type model), "words" (a file of word vectors) or "vectors" (a file of vectors by
            class). Details of this and the next five options: `handful.models.text.TextSource`.
        path: file, folder or model name of the source; "minilm" has none.
        aliases: text that is read instead of a class name, as a mapping ({ "0" = "zero" }) or a TOML or CSV file.
        descriptions: text that describes a class, read instead of its name, in the same forms.
        templates: sentences with {} in the place of the name, whose vectors are averaged; for encoders.
        weights: weight of a word in the mean over the words of a name; for "words".
        similarity: "cosine" or "dot" between embedding and class vectors.
        temperature: divisor of the similarities, from 0.01 to 1000.
        learn_temperature: start from `temperature`, and train it with the network.

    Raises:
        DataError: class names without a vector, or classes with the same one.
        WeightsError: the encoder cannot be loaded.
        ValueError: options that exclude each other, or a number out of range.
    """
    check_similarity(similarity, temperature)
    embedded = class_vectors(context.task.classes, TextSource(source, path, aliases, descriptions, templates, weights))
    vectors = torch.from_numpy(embedded.vectors)
    return LabelEmbedding(vectors, similarity, float(temperature), learn_temperature, embedded.read_as)
