"""Soft labels: word vectors of the class names (Zhong, Zhao and Wang, Capturing Prior Knowledge in Soft Labels).

With the loss cross_entropy this is the paper's equation 1: a softmax over the cosine similarities of an image's
embedding with the class vectors, at temperature 1. The predicted class is the one with the nearest vector. A cosine is
at most 1, so at temperature 1 no probability is close to 1: lower and learned temperatures are our additions.

The paper states that the feature extractor's output has the length of the vectors and is silent on how; here the head's
last layer maps the pooled features to it (heads/linear, or heads/projection with a hidden layer).
"""

import torch

from handful.core.context import Context
from handful.core.tensors import LabelEmbedding, Similarity
from handful.models.text import MINILM, TextSource, class_vectors
from handful.parts.labels._comparison import check_similarity

reads_names = True


def build(
    context: Context,
    *,
    text: TextSource = MINILM,
    similarity: Similarity = "cosine",
    temperature: float = 1.0,
    learn_temperature: bool = False,
) -> LabelEmbedding:
    """One vector per class; a name of several words is averaged from a word file, and one sentence to an encoder.

    The paper averages words: with an encoder that is the option `average_words`.

    Args:
        context: the class names.
        text: options `source`, `path`, `aliases`, `descriptions`, `templates`, `weights` and `average_words`, see
            `TextSource`.
        similarity: "cosine" or "dot" between embedding and class vectors.
        temperature: divisor of the similarities, from 0.01 to 1000.
        learn_temperature: start from `temperature`, and train it with the network.

    Raises:
        DataError: class names without a vector, or classes with the same one.
        WeightsError: the encoder cannot be loaded.
        ValueError: options that exclude each other, or a number out of range.
    """
    check_similarity(similarity, temperature)
    embedded = class_vectors(context.task.classes, text)
    vectors = torch.from_numpy(embedded.vectors)
    return LabelEmbedding(vectors, similarity, float(temperature), learn_temperature, embedded.read_as)
