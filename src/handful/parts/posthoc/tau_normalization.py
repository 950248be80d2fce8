"""tau-normalization: class weights divided by their length to the power tau (Kang et al. 2020, section 4.1).

https://arxiv.org/abs/1910.09217. Under cross-entropy the classes with more images come to have longer weight vectors.
All weights are multiplied by the mean length to the power tau as well: this changes no class, and keeps probabilities
about as sure as they were. As in the paper the bias is dropped. What is saved is a plain network with these weights.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace

import torch
from torch import nn

from handful.core.context import Context
from handful.core.dataset import Dataset
from handful.core.tensors import LabelEmbedding
from handful.errors import ModelError, RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import each
from handful.models.posthoc_module import unwrap
from handful.parts.traits import has_trait, names_with

HERE = "posthoc/tau_normalization"
needs_linear = True


def normalised(classifier: Classifier, *, tau: float = 1.0, bias: bool = False) -> Classifier:
    """The classifier with other class weights; the one given stays as it is. Of an ensemble, every member's.

    Raises:
        ModelError: the head has no linear layer whose rows are the classes.
    """

    def change(one: Classifier) -> Classifier:
        network = deepcopy(one.network)
        head = getattr(unwrap(network), "head", None)
        linear = getattr(getattr(head, "classify", head), "linear", None)
        if type(linear) is not nn.Linear or not _own_logits(one.labels):
            raise ModelError(
                "the head has no linear layer whose rows are the classes", where=HERE, remedy="leave it out."
            )
        with torch.no_grad():
            lengths = linear.weight.norm(dim=1, keepdim=True).clamp_min(1e-12)
            linear.weight *= (lengths.mean() / lengths) ** tau
            if not bias:
                linear.bias.zero_()
        return replace(one, network=network)

    return each(classifier, change)


def build(
    context: Context, *, tau: float = 1.0, bias: bool = False
) -> Callable[[tuple[Classifier, ...], Dataset], Classifier]:
    """Even out the class weights' lengths.

    Args:
        context: gives the recipe's head and labels.
        tau: 0 changes no weight, 1 makes all alike. The paper tunes it on held-out images, which nothing here does.
        bias: keep the biases.

    Raises:
        ValueError: tau is not from 0 to 1.
        RecipeError: the head has no class weights, or the labels are not one-hot.
    """
    if not 0 <= tau <= 1:
        raise ValueError(f"tau must be from 0 to 1, not {tau!r}")
    if not has_trait("heads", context.recipe.head, "class_weights") or not _own_logits(context.labels):
        heads = ", ".join(names_with("heads", "class_weights"))
        raise RecipeError(
            "there are no class weights to normalize: that needs a linear layer and one-hot labels",
            where=HERE,
            remedy=f"use one of the heads {heads} with one_hot labels, or leave the part out.",
        )

    def apply(classifiers: tuple[Classifier, ...], _data: Dataset) -> Classifier:
        return normalised(classifiers[0], tau=tau, bias=bias)

    return apply


def _own_logits(labels: LabelEmbedding) -> bool:
    """Whether an embedding is its own logits."""
    own = labels.vectors.shape[0] == labels.size and torch.equal(labels.vectors.cpu(), torch.eye(labels.size))
    return labels.similarity == "dot" and own
