"""Which patch belongs in a hidden place: the patches, chance, what is learned, and the options."""

from dataclasses import replace

import pytest
import torch

from handful.core.tensors import Batch, Output
from handful.parts.losses.selfie import Selfie, build, patches_of
from tests.support.datasets import context


def batch_of(images: torch.Tensor) -> tuple[Output, Batch]:
    n, _, h, w = images.shape
    nothing = torch.zeros(n, 3)
    return Output(nothing, nothing, nothing), Batch(images, torch.full((n,), -1), nothing, torch.full((n, h, w), -1))


def made(**options: float) -> Selfie:
    torch.manual_seed(0)
    given = replace(context(), maps=lambda: (3, 1), feature_maps=lambda images: images)
    return build(given, **options)  # type: ignore[arg-type]


def test_patches_are_those_of_a_grid_row_by_row() -> None:
    images = torch.arange(2 * 3 * 9 * 8, dtype=torch.float32).view(2, 3, 9, 8)
    patches = patches_of(images, 2)
    assert patches.shape == (2, 4, 3, 4, 4)
    assert torch.equal(patches[1, 1], images[1, :, :4, 4:])
    assert torch.equal(patches[0, 2], images[0, :, 4:8, :4])


def test_patches_that_are_alike_cost_as_much_as_guessing() -> None:
    values = made(width=8)(*batch_of(torch.full((3, 3, 8, 8), 0.5)))
    torch.testing.assert_close(values, torch.full((3,), 4.0).log())


def test_places_of_patches_are_learned() -> None:
    loss = made(width=16, grid=2, share=0.5)
    images = torch.rand((16, 3, 1, 1)) * 0.1 + torch.zeros(3, 8, 8)
    images[:, 0, :4, :4] = images[:, 1, :4, 4:] = images[:, 2, 4:, :4] = 1  # each place has its color
    output, batch = batch_of(images)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-2)
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(output, batch).mean()
        value.backward()
        optimizer.step()
    assert float(value) < 0.4  # 0.69 by guessing


def test_what_is_hidden_is_drawn_by_the_seed_of_the_step() -> None:
    loss, (output, batch) = made(width=8), batch_of(torch.rand(3, 3, 8, 8))
    values = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        values.append(loss(output, batch))
    assert torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])


def test_two_patches_are_hidden_and_one_is_shown_at_least() -> None:
    assert [made(share=share).hidden for share in (0.01, 0.25, 0.99)] == [2, 4, 15]


@pytest.mark.parametrize("options", [{"grid": 1}, {"share": 0.0}, {"share": 1.0}, {"width": 6}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        made(**options)
