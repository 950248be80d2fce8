"""Heat maps: the class score is the linear layer on the maximum, and the same layer scores every cell."""

from dataclasses import replace

import torch

from handful.core.recipe import Part
from handful.core.tensors import Backbone
from handful.parts import registry
from tests.support.datasets import context, recipe, squares


def test_the_same_layer_scores_the_maximum_and_every_cell() -> None:
    torch.manual_seed(0)
    backbone = Backbone(torch.nn.Identity(), 5, 1)
    head = registry.build("heads", Part("heat_map", {"norm": "none"}), context(), backbone=backbone).eval()
    maps = torch.randn(2, 5, 4, 6)
    output = head(maps, size=(4, 6), compare=lambda x: x)
    by_cell = torch.stack([head.linear(maps[:, :, y, x]) for y in range(4) for x in range(6)], dim=2)
    torch.testing.assert_close(output.pixels[:, 1:].flatten(2), by_cell)
    assert not output.pixels[:, 0].any()
    torch.testing.assert_close(output.logits, head.linear(maps.amax(dim=(2, 3))))


def test_labels_alone_make_the_square_hot() -> None:
    from handful.training.train import train

    plan = replace(recipe("linear", "steps=60"), head=Part("heat_map"))
    data = squares(6)
    classifier = train(plan, data, seed=0, device="cpu", progress=False)
    hotter = []
    for sample, maps in zip(data.samples, classifier.maps(data.without_labels()), strict=True):
        assert sample.mask is not None
        assert sample.label is not None
        heat = maps[sample.label + 1] - maps[0]
        hotter.append(heat[sample.mask].mean() > heat[~sample.mask].mean())
    assert sum(hotter) > 0.8 * len(hotter)
