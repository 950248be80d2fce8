"""What every head in the folder keeps to. A new file is tested from its first run."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import Backbone, LabelEmbedding, Output
from handful.parts import registry
from tests.support.datasets import CLASSES, context

K, CHANNELS = len(CLASSES), 16
# The first two need a backbone that scores names, the last the class of negative bags: see their own tests.
ELSEWHERE = {"conse", "pseudo_labels_names", "bag_max", "bag_contrast"}
VARIANTS: list[tuple[str, Mapping[str, Any]]] = [
    (name, {}) for name in registry.names("heads") if name not in ELSEWHERE
] + [
    ("linear", {"norm": "none", "dropout": 0.5}),
    ("linear", {"pool": "dual"}),
    ("segmentation", {"pool": "probability"}),
    ("segmentation", {"pool": "foreground", "norm": "group", "dropout": 0.2}),
    ("segmentation", {"up": "bilinear"}),
    ("multitask", {"up": "bilinear"}),
    ("deeplab", {"pool": "foreground", "rates": (1, 2, 3)}),
    ("multitask", {"form": "resnet", "hidden": 8}),
    ("multitask", {"form": "resnet", "hidden": 8, "norm": "group", "dropout": 0.5}),
    ("projection", {"hidden": 5, "norm": "none", "dropout": 0.5}),
    ("prototypes", {"per_class": 3, "size": 2, "gamma": 0.5, "norm": "none"}),
    ("nearest_centroid", {"center": False, "l2": False, "tukey": 2}),
    ("nearest_centroid", {"tukey": 0.5}),
    ("logistic", {"tukey": 0.3}),
    ("knn", {"neighbors": 3, "sharpness": 0.5}),
    ("logistic", {"C": 0.5, "l2": False}),
    ("ridge", {"penalty": 2}),
    ("lda", {"shrinkage": 0.3}),
    ("tip_adapter", {"alpha": 2.0, "beta": 1, "scale": 100}),
    ("label_propagation", {"neighbors": 2, "spread": 0.5, "power": 1}),
    ("pseudo_labels", {"C": 1, "mix": 0, "neighbors": 2, "tukey": 0.5}),
]
WITHOUT_PROJECTION = ("similarity",)  # the labels' vectors have the backbone's length
every = pytest.mark.parametrize(("name", "options"), VARIANTS, ids=lambda v: str(v))
# Strides of residual networks, of a transformer, an odd one and none; sides that are no multiples of them.
every_size = pytest.mark.parametrize(("stride", "size"), [(4, (13, 18)), (1, (5, 4)), (14, (30, 28)), (7, (8, 15))])
every_label = pytest.mark.parametrize("labels", ["one-hot", "word vectors"])


def embedding(labels: str, size: int | None = None) -> LabelEmbedding:
    if labels == "one-hot":
        return LabelEmbedding(torch.eye(K, size or K))
    vectors = torch.randn(K, size or 5, generator=torch.Generator().manual_seed(1))
    return LabelEmbedding(vectors, similarity="cosine", temperature=0.1)


def make(name: str, options: Mapping[str, Any], labels: str, stride: int = 4) -> tuple[nn.Module, Context]:
    torch.manual_seed(0)
    made = replace(context(), labels=embedding(labels, CHANNELS if name in WITHOUT_PROJECTION else None))
    backbone = Backbone(nn.Identity(), CHANNELS, stride)
    head = registry.build("heads", Part(name, options), made, backbone=backbone)
    assert isinstance(head, nn.Module)
    if registry.has_trait("heads", Part(name), "fitted"):
        features = torch.randn((12, 2, CHANNELS), generator=torch.Generator().manual_seed(3))
        fitted: Any = head
        given = {}
        if registry.has_trait("heads", Part(name), "needs_multilabel"):
            fitted.set_multilabel()
            given = {"targets": torch.eye(K)[torch.arange(12) % K]}
        fitted.fit(features, torch.arange(12) % K, seed=0, **given)
    return head, made


def maps(n: int, stride: int, size: tuple[int, int]) -> torch.Tensor:
    h, w = (-(-side // stride) for side in size)
    return torch.randn((n, CHANNELS, h, w), generator=torch.Generator().manual_seed(2))


def run(head: nn.Module, made: Context, x: torch.Tensor, size: tuple[int, int]) -> Output:
    output = head(x, size=size, compare=made.labels.logits)
    assert isinstance(output, Output)
    return output


def tensors(output: Output) -> list[torch.Tensor]:
    found = [output.embedding, output.logits, output.features]
    return found if output.pixels is None else [*found, output.pixels]


@every
@every_label
@every_size
@torch.no_grad()
def test_shapes_hold_and_images_stay_apart(
    name: str, options: Mapping[str, Any], labels: str, stride: int, size: tuple[int, int]
) -> None:
    head, made = make(name, options, labels, stride)
    x = maps(3, stride, size)
    output = run(head.eval(), made, x, size)
    own = registry.has_trait("heads", Part(name), "own_classes")
    assert output.embedding.shape == (3, output.embedding.shape[1] if own else made.labels.size)
    assert output.logits.shape == (3, K)
    assert output.features.shape[0] == 3
    assert (output.pixels is not None) == registry.has_trait("heads", Part(name), "segments")
    assert output.pixels is None or output.pixels.shape == (3, K + 1, *size)
    again, alone = run(head, made, x, size), run(head, made, x[1:2], size)
    for value, same, one in zip(tensors(output), tensors(again), tensors(alone), strict=True):
        assert value.isfinite().all()
        assert torch.equal(value, same)
        torch.testing.assert_close(value[1:2], one, rtol=1e-4, atol=1e-5)


@every
@every_label
def test_gradients_reach_every_parameter_and_the_maps(name: str, options: Mapping[str, Any], labels: str) -> None:
    head, made = make(name, options, labels)
    x = maps(3, 4, (13, 18)).requires_grad_()
    output = run(head.train(), made, x, (13, 18))
    loss = -output.logits.log_softmax(dim=1)[:, 0].sum()
    if output.pixels is not None:
        loss = loss - output.pixels.log_softmax(dim=1)[:, 0].mean()
    loss.backward()  # type: ignore[no-untyped-call]
    for parameter, values in [("the maps", x), *head.named_parameters()]:
        assert values.grad is not None, parameter
        assert values.grad.isfinite().all(), parameter
        assert values.grad.abs().sum() > 0, parameter


@every
def test_gradients_are_finite_where_maps_are_zero(name: str, options: Mapping[str, Any]) -> None:
    head, made = make(name, options, "one-hot")
    x = maps(3, 4, (13, 18)).relu()
    x[:, ::2] = 0
    x[0] = 0
    x.requires_grad_()
    run(head.eval(), made, x, (13, 18)).logits.amax(dim=1).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.isfinite().all()


@every
@torch.no_grad()
def test_scores_are_exact_when_the_network_runs_in_half_precision(name: str, options: Mapping[str, Any]) -> None:
    head, made = make(name, options, "word vectors")
    with torch.autocast("cpu", torch.bfloat16):
        output = run(head.eval(), made, maps(3, 4, (13, 18)), (13, 18))
    assert {value.dtype for value in tensors(output)} == {torch.float32}
    scores = [output.logits] if output.pixels is None else [output.logits, output.pixels]
    # Rounded to bfloat16, classes a little apart would tie.
    assert all(not torch.equal(value, value.bfloat16().float()) for value in scores)


@every
def test_class_weights_are_a_linear_layer(name: str, options: Mapping[str, Any]) -> None:
    head: Any = make(name, options, "one-hot")[0]
    layer = getattr(getattr(head, "classify", head), "linear", None)
    weights = type(layer) is nn.Linear and not registry.has_trait("heads", Part(name), "own_classes")
    assert weights == registry.has_trait("heads", Part(name), "class_weights")


@every
@torch.no_grad()
def test_pixel_scores_compare_with_the_label_vectors(name: str, options: Mapping[str, Any]) -> None:
    head, made = make(name, options, "word vectors")
    output = run(head.eval(), made, maps(3, 4, (13, 18)) * 50, (13, 18))
    if output.pixels is not None:
        assert output.pixels[:, 1:].abs().max() <= 10 * (1 + 1e-5)  # cosine over a temperature of 0.1
        assert output.pixels[:, 1:].std() > 0.1
