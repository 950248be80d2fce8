"""Random boxes against torchvision, and boxes that reach over the edge."""

import pytest
import torch
from torchvision.transforms.v2 import RandomResizedCrop

from handful.parts.augment._boxes import centered_boxes, inner_boxes
from tests.parts.augment.conftest import seeded


@pytest.mark.parametrize("shape", [(40, 60), (30, 90)])
def test_windows_are_drawn_as_torchvision_draws_them(shape: tuple[int, int]) -> None:
    h, w = shape
    boxes, found = inner_boxes(3000, h, w, seeded(0), scale=(0.08, 1.0), ratio=(0.75, 4 / 3))
    theirs = RandomResizedCrop(10)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = [theirs.make_params([torch.zeros(3, h, w)]) for _ in range(3000)]
    expected = torch.tensor([[p["top"], p["left"], p["height"], p["width"]] for p in drawn], dtype=torch.float64)
    keep = found.nonzero()[:, 0]
    ours = torch.stack((boxes.top, boxes.left, boxes.bottom - boxes.top, boxes.right - boxes.left), dim=1)[keep]
    assert (ours[:, :2] >= 0).all()
    assert (boxes.bottom <= h).all()
    assert (boxes.right <= w).all()
    error = expected.std(dim=0) / 3000**0.5 * 6
    assert ((ours.double().mean(dim=0) - expected.mean(dim=0)).abs() < error + 0.02 * expected.mean(dim=0)).all()


def test_mask_of_boxes_is_cut_off_at_the_edge() -> None:
    boxes = centered_boxes(torch.full((50,), 5), torch.full((50,), 4), 7, 9, seeded(0))
    mask = boxes.mask(7, 9)
    for i in range(50):
        top, left = int(boxes.top[i]), int(boxes.left[i])
        for y in range(7):
            for x in range(9):
                assert mask[i, y, x] == (top <= y < top + 5 and left <= x < left + 4)
    assert (boxes.top < 0).any()
    assert (boxes.right > 9).any()
