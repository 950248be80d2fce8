import pytest
import torch
from torch import nn

from handful.core.tensors import Backbone
from handful.parts.heads import linear, multitask
from tests.parts.heads.fitted_heads import BACKBONE, COMPARE, maps
from tests.support.datasets import context


def test_multitask_wide_resnet_form() -> None:
    head = multitask.build(context(), backbone=BACKBONE).eval()
    assert isinstance(head, multitask.Multitask)
    assert [type(m).__name__ for m in head.segment.children()] == ["BatchNorm2d", "ReLU", "ConvTranspose2d"]
    assert isinstance(head.classify, linear.Linear)
    assert isinstance(head.classify.norm, nn.BatchNorm2d)


def test_multitask_resnet_form() -> None:
    head = multitask.build(context(), backbone=BACKBONE, form="resnet", hidden=8).eval()
    assert isinstance(head, multitask.Multitask)
    names = [type(m).__name__ for m in head.segment.children()]
    block = ["ConvTranspose2d", "ReLU", "BatchNorm2d"]
    strided = multitask.build(context(), backbone=Backbone(nn.Identity(), 16, 32), form="resnet", hidden=8)
    assert [type(m).__name__ for m in strided.segment.children()] == [*block, *block, "ConvTranspose2d"]  # type: ignore[union-attr]
    assert names == [*block, *block, "Conv2d"]  # stride 4 leaves nothing for the third to enlarge
    assert isinstance(head.classify, linear.Linear)
    assert head.classify.norm is None


@pytest.mark.parametrize("form", ["wide_resnet", "resnet"])
def test_multitask_class_comes_from_the_linear_branch_alone(form: multitask.Form) -> None:
    head = multitask.build(context(), backbone=BACKBONE, form=form, hidden=8).train()
    assert isinstance(head, multitask.Multitask)
    output = head(maps(), size=(16, 20), compare=COMPARE)
    output.logits.sum().backward()
    assert all(p.grad is None for p in head.segment.parameters())
    head.zero_grad(set_to_none=True)
    output = head(maps(), size=(16, 20), compare=COMPARE)
    output.pixels.sum().backward()
    assert all(p.grad is None for p in head.classify.parameters())
    torch.testing.assert_close(output.pixels, head.segment(maps())[..., :16, :20])


@pytest.mark.parametrize(
    ("stride", "factors"),
    [(1, (1, 1, 1)), (2, (2, 1, 1)), (4, (2, 2, 1)), (8, (2, 2, 2)), (14, (7, 2, 1)), (16, (4, 2, 2)), (32, (4, 4, 2))],
)
def test_three_factors(stride: int, factors: tuple[int, int, int]) -> None:
    assert multitask.three_factors(stride) == factors


def test_multitask_refuses_no_channels() -> None:
    with pytest.raises(ValueError, match="hidden"):
        multitask.build(context(), backbone=BACKBONE, form="resnet", hidden=0)
