"""The discriminative pixel embedding against a loop over objects and cells."""

from dataclasses import replace

import pytest
import torch

from handful.core.recipe import Part
from handful.core.tensors import Batch, Output
from handful.errors import RecipeError
from handful.parts import registry
from handful.parts.losses.pixel_discriminative import PixelDiscriminative, cell_objects
from tests.support.datasets import context


def example() -> tuple[Output, Batch]:
    """Two images of 8 x 8 pixels under maps of 4 x 4 cells: two pieces of one class, and nothing labelled."""
    maps = 4 * torch.randn((2, 5, 4, 4), generator=torch.Generator().manual_seed(1))
    known = torch.full((2, 8, 8), -1)
    known[0] = 0
    known[0, :4, :4], known[0, 6:, 6:], known[0, 7, 0] = 2, 2, -1
    logits = torch.zeros(2, 3)
    return Output(logits, logits, torch.zeros(2, 5), maps=maps), Batch(
        torch.zeros(2, 3, 8, 8), torch.tensor([1, -1]), logits, known
    )


def test_objects_are_the_connected_pieces_and_the_background() -> None:
    _, batch = example()
    objects = cell_objects(batch.pixel_labels, (4, 4))
    assert objects[0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 2]]
    assert (objects[1] == -1).all()


def test_it_pulls_cells_to_their_object_and_pushes_objects_apart() -> None:
    output, batch = example()
    assert output.maps is not None
    torch.manual_seed(0)
    loss = PixelDiscriminative(5, 8, 0.5, 1.5)
    values = loss(output, batch)
    embedding = loss.pixel_embedding(output.maps)[0].detach()
    objects = cell_objects(batch.pixel_labels, (4, 4))[0]
    means, pulled = [], []
    for number in (0, 1, 2):
        own = [embedding[:, y, x] for y in range(4) for x in range(4) if objects[y, x] == number]
        means.append(sum(own[1:], own[0]) / len(own))
        pulled.append(sum(max(float((cell - means[-1]).norm()) - 0.5, 0.0) ** 2 for cell in own) / len(own))
    pairs = [(0, 1), (0, 2), (1, 2)]
    pushed = sum(max(3.0 - float((means[a] - means[b]).norm()), 0.0) ** 2 for a, b in pairs) / 3
    lengths = sum(float(mean.norm()) for mean in means) / 3
    assert float(values[0]) == pytest.approx(sum(pulled) / 3 + pushed + 0.001 * lengths, rel=1e-4)
    assert float(values[1]) == 0.0


def test_gradients_reach_the_maps_and_the_convolution() -> None:
    output, batch = example()
    assert output.maps is not None
    maps = output.maps.requires_grad_()
    loss = PixelDiscriminative(5, 8, 0.5, 1.5)
    loss(replace(output, maps=maps), batch).sum().backward()
    assert maps.grad is not None
    assert maps.grad[0].abs().sum() > 0
    assert loss.pixel_embedding.weight.grad is not None


@pytest.mark.parametrize(("option", "value"), [("size", 0), ("pull", 0.0), ("push", -1.0)])
def test_options_out_of_range_are_refused(option: str, value: float) -> None:
    given = replace(context("segmentation"), maps=lambda: (5, 2))
    with pytest.raises(RecipeError, match=option):
        registry.build("losses", Part("pixel_discriminative", {option: value}), given)
