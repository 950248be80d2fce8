import pytest
import torch
from timm.layers.selective_kernel import SelectiveKernel as Theirs
from torch import Tensor, nn

from handful.models.norm import NormName
from handful.parts.backbones._convolution import ConvolutionFactory
from handful.parts.backbones._selective_kernel import SelectiveKernel


def unit(channels: int = 8, *, norm: NormName = "batch", stride: int = 1, padding: str = "same") -> SelectiveKernel:
    torch.manual_seed(0)
    convolutions = ConvolutionFactory(padding=padding)  # type: ignore[arg-type]
    made = SelectiveKernel(channels, stride=stride, groups=4, norm=norm, convolutions=convolutions)
    for module in made.modules():  # statistics and scales as training leaves them, not 0 and 1
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.running_mean, module.running_var, module.weight, module.bias):
                assert values is not None
                values.data.uniform_(0.5, 1.5)
    return made.eval()


def images(n: int = 3, channels: int = 8) -> Tensor:
    return torch.randn((n, channels, 6, 5), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_equation_1_channel_by_channel() -> None:
    made, x = unit(), images()
    u = [path(x) for path in made.paths]
    norm = made.norm
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    for i in range(len(x)):
        pooled = torch.tensor([float((u[0][i, c] + u[1][i, c]).mean()) for c in range(8)])
        squeezed = made.squeeze.weight @ pooled
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        z = ((squeezed - norm.running_mean) * scale + norm.bias).clamp(min=0)
        scores = [linear.weight @ z for linear in made.excite]  # type: ignore[operator]
        for c in range(8):
            total = scores[0][c].exp() + scores[1][c].exp()
            expected = scores[0][c].exp() / total * u[0][i, c] + scores[1][c].exp() / total * u[1][i, c]
            torch.testing.assert_close(made(x)[i, c], expected)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("training", [False, True])
def test_is_timms_with_its_overrides(stride: int, training: bool) -> None:
    ours = unit(32, stride=stride)
    theirs = Theirs(32, stride=stride, groups=4, keep_3x3=False, split_input=False, rd_channels=max(32 // 16, 32))
    with torch.no_grad():
        for path, own in zip(theirs.paths, ours.paths, strict=True):
            path.conv.load_state_dict(own[0].state_dict())  # type: ignore[index,union-attr]
            path.bn.load_state_dict(own[1].state_dict())  # type: ignore[index,union-attr]
        theirs.attn.fc_reduce.weight.copy_(ours.squeeze.weight[..., None, None])
        theirs.attn.bn.load_state_dict(ours.norm.state_dict())
        theirs.attn.fc_select.weight.copy_(torch.cat([e.weight for e in ours.excite])[..., None, None])  # type: ignore[misc]
    x = images(channels=32)
    torch.testing.assert_close(ours.train(training)(x), theirs.train(training)(x))


def test_kernels_are_3_and_5_over_all_channels() -> None:
    convolutions = [m for m in unit().modules() if isinstance(m, nn.Conv2d)]
    assert [(m.kernel_size, m.dilation, m.in_channels) for m in convolutions] == [
        ((3, 3), (1, 1), 8),
        ((5, 5), (1, 1), 8),
    ]


def test_shares_of_the_kernels_sum_to_one() -> None:
    attention = unit().attention(torch.randn(4, 8))
    torch.testing.assert_close(attention.sum(dim=0), torch.ones(4, 8))
    assert attention.min() > 0


@pytest.mark.parametrize("norm", ["batch", "group", "none"])
def test_trains_on_one_image(norm: NormName) -> None:
    made = unit(norm=norm).train()
    before = [b.clone() for b in made.norm.buffers()]
    y = made(images(1))
    y.square().sum().backward()
    assert y.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in made.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, made.norm.buffers(), strict=True))


def test_both_kernels_grow_full_maps_alike() -> None:
    assert unit(padding="full")(images()).shape == (3, 8, 6 + 4, 5 + 4)
