"""Scores of classes by their names alone: no image of a class is learned from.

A network that was trained on ImageNet says which of its 1,000 classes an image resembles. Their text vectors, weighted
by these probabilities, make the image's vector, and a class's score is its cosine with the vector of the class's name
(ConSE, Norouzi et al. 2014, https://arxiv.org/abs/1312.5650). In an image-text model such as CLIP the features are the
image's vector (Radford et al. 2021, https://arxiv.org/abs/2103.00020).

ConSE sums over the ten most probable classes. Here all count, and features are brought to length `SCALE` first, which
makes the probabilities less sharp than the network's own; text vectors are taken less their mean over ImageNet's
classes, whose texts are names with a definition. All this was chosen on training images of CIFAR-10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from handful.models.efficientnet_lite import CLASSIFIER, installed_tensors
from handful.models.text import TextSource, class_vectors
from handful.models.text.class_names import split_name
from handful.models.text.clip import encode_texts
from handful.models.text.imagenet_classes import definition_of, definitions, imagenet_vectors
from handful.models.text.user_tables import read_class_texts

SCALE = 10.0  # the features of a photograph have length 12 to 20
OTHER_NAMES = 200  # of ImageNet's classes, as texts for an image-text model


@dataclass(frozen=True)
class NameTexts:
    """Texts that are read for the classes' names.

    Attributes:
        templates: sentences with {} in the place of the name; their unit vectors are averaged.
        aliases: text that is read instead of a class name, see `TextSource`.
        descriptions: text that describes a class, read instead of name and alias, see `TextSource`.
        definitions: read "name: definition" for a name that WordNet defines, by the list that comes with timm.
    """

    templates: Sequence[str] = ("{}",)
    aliases: Mapping[str, str] | str | None = None
    descriptions: Mapping[str, str] | str | None = None
    definitions: bool = False

    def source(self, classes: Sequence[str]) -> dict[str, Any]:
        """The options of `TextSource` that these texts are.

        Args:
            classes: class names.

        Raises:
            DataError: a file of texts cannot be read.
        """
        options = {"templates": self.templates, "aliases": self.aliases, "descriptions": self.descriptions}
        if not self.definitions:
            return options
        aliases = read_class_texts(self.aliases, tuple(classes), what="aliases")
        given = read_class_texts(self.descriptions, tuple(classes), what="descriptions")
        read_as = {name: aliases.get(name) or " ".join(split_name(name)) or name for name in classes}
        defined = {name: definition_of(text) for name, text in read_as.items()}
        texts = {name: f"{read_as[name]}: {definition}" for name, definition in defined.items() if definition}
        return {**options, "descriptions": {**texts, **given}}


BARE = NameTexts()


class ClassNameScores(nn.Module):
    """Cosines of images' vectors with those of class names, from pooled features of a frozen backbone.

    Buffers, whose shapes a saved model gives: `named` [k d], the classes' vectors; for ConSE also `weight` [m 1000 c]
    and `bias` [m 1000] of the ImageNet classifiers of m networks, and `vectors` [1000 d] of ImageNet's classes. All
    vectors have length 1.
    """

    names = ("named", "weight", "bias", "vectors")
    named: Tensor
    weight: Tensor
    bias: Tensor
    vectors: Tensor

    def __init__(self, arrays: Mapping[str, Float[np.ndarray, "..."]] | None = None) -> None:
        super().__init__()
        for name in self.names:
            rows = np.zeros(0) if arrays is None or name not in arrays else arrays[name]
            self.register_buffer(name, torch.from_numpy(np.array(rows, np.float32, order="C")))

    def embed(self, features: Float[Tensor, "n c"]) -> Float[Tensor, "n d"]:
        """The images' vectors, of length 1."""
        return embed(features, self.weight, self.bias, self.vectors)

    def forward(self, features: Float[Tensor, "n c"]) -> Float[Tensor, "n k"]:
        """Cosines of the images' vectors with the classes'."""
        return self.embed(features) @ self.named.T

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Buffers take the shape of what is loaded."""
        for name in self.names:
            if prefix + name in state_dict:
                self.register_buffer(name, torch.empty_like(state_dict[prefix + name], device=self.named.device))
        super()._load_from_state_dict(state_dict, prefix, *rest)


def embed(
    features: Float[Tensor, "n c"],
    weight: Float[Tensor, "..."],
    bias: Float[Tensor, "..."],
    vectors: Float[Tensor, "..."],
) -> Float[Tensor, "n d"]:
    """Vectors of images, of length 1, from their features; those of several networks lie side by side.

    Args:
        features: pooled features.
        weight: of the networks' ImageNet classifiers, see `ClassNameScores`; empty: the features are the vectors.
        bias: of these classifiers.
        vectors: of ImageNet's classes.
    """
    features = features.float()
    if len(weight):
        parts = features.chunk(len(weight), dim=1)
        logits = [
            F.linear(SCALE * F.normalize(part, dim=1), w, b) for part, w, b in zip(parts, weight, bias, strict=True)
        ]
        features = torch.stack([each.softmax(dim=1) for each in logits]).mean(dim=0) @ vectors
    return F.normalize(features, dim=1)


def imagenet_arrays(
    networks: Sequence[int], classes: Sequence[str], texts: NameTexts = BARE
) -> dict[str, Float[np.ndarray, "..."]]:
    """The arrays of `ClassNameScores` for ConSE.

    Args:
        networks: numbers of EfficientNet-Lite networks, in the order of their features.
        classes: class names.
        texts: what is read for them.

    Raises:
        WeightsError: weights or text encoder are not installed.
        DataError: names without a vector of their own.
    """
    tensors = [[installed_tensors(number)[name].numpy() for name in CLASSIFIER] for number in networks]
    raw = imagenet_vectors()
    mean = raw.mean(axis=0)
    named = class_vectors(classes, TextSource(**texts.source(classes))).vectors
    weight, bias = (np.stack(each) for each in zip(*tensors, strict=True))
    return {"named": _unit(named - mean), "weight": weight, "bias": bias, "vectors": _unit(raw - mean)}


def image_text_arrays(
    model: str, classes: Sequence[str], texts: NameTexts = BARE
) -> dict[str, Float[np.ndarray, "..."]]:
    """The array of `ClassNameScores` for an image-text model.

    Args:
        model: hub name or folder.
        classes: class names.
        texts: what is read for them.

    Raises:
        WeightsError: the model cannot be loaded.
        DataError: names without a vector of their own.
    """
    return {"named": _unit(class_vectors(classes, TextSource("image_text", model, **texts.source(classes))).vectors)}


def other_names(model: str | None, arrays: Mapping[str, Float[np.ndarray, "..."]]) -> Float[np.ndarray, "r d"]:
    """Vectors of names that have nothing to do with the images, of length 1: those of ImageNet's classes.

    Args:
        model: the image-text model that encodes them; None: the vectors of ConSE.
        arrays: of `ClassNameScores`.
    """
    if model is None:
        return arrays["vectors"]
    every = len(definitions()) // OTHER_NAMES
    return _unit(encode_texts([text.split(",")[0].split(":")[0] for text in definitions()[::every]], model=model))


def _unit(vectors: Float[np.ndarray, "r d"]) -> Float[np.ndarray, "r d"]:
    unit: Float[np.ndarray, "r d"] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit.astype(np.float32)
