import copy

import pytest
import torch
from torch import nn

from handful.parts.backbones._stages import StageOutput, Stages, assemble, count_frozen_stages
from handful.training.optimizer import train_mode

HALF = (0.5, 0.5, 0.5)


def levels() -> list[StageOutput]:
    torch.manual_seed(0)
    return [
        StageOutput(nn.Sequential(nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.Dropout(0.5)), b, 2**i)
        for i, (a, b) in enumerate(((3, 4), (4, 5), (5, 6)), start=1)
    ]


def network(stride: int | None = None, fuse: bool = False, freeze: int | str = 0) -> Stages:
    built = assemble(levels(), stride=stride, fuse=fuse, freeze=freeze, mean=HALF, std=HALF).network  # type: ignore[arg-type]
    assert isinstance(built, Stages)
    return built


@pytest.mark.parametrize("freeze", [0, 1, 2, 3])
@pytest.mark.parametrize("fuse", [False, True])
@pytest.mark.parametrize("stride", [2, 4, 8])
def test_forward_is_rest_of_frozen(freeze: int, fuse: bool, stride: int) -> None:
    count = 3 if fuse else {2: 1, 4: 2, 8: 3}[stride]
    if freeze > count:
        with pytest.raises(ValueError, match="freeze must be"):
            network(stride, fuse, freeze)
        return
    net = network(stride, fuse, freeze).eval()
    x = torch.randn(2, 3, 11, 9)
    assert torch.equal(net(x), net.rest(net.frozen(x)))
    if freeze == 0:
        assert net.split == 0
        assert net.frozen(x) is x
    if freeze == count:
        assert torch.equal(net.frozen(x), net(x))
    frozen = {n for n, p in net.named_parameters() if not p.requires_grad}
    assert frozen == {n for n, _ in net.named_parameters() if int(n.split(".")[1]) < freeze}


def test_fused_maps_are_the_levels_side_by_side() -> None:
    net = network(2, True).eval()
    x = torch.randn(1, 3, 16, 16)
    first = net.stages[0](x)
    second = net.stages[1](first)
    joined = net(x)
    assert joined.shape == (1, 15, 8, 8)
    assert torch.equal(joined[:, :4], first)
    larger = nn.functional.interpolate(second, size=(8, 8), mode="bilinear")
    torch.testing.assert_close(joined[:, 4:9], larger)


def test_count_frozen_stages_do_not_move_while_the_rest_trains() -> None:
    net = network(freeze=2)
    before = copy.deepcopy(net.state_dict())
    train_mode(net)
    x = torch.randn(4, 3, 16, 16)
    kept = net.frozen(x)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        net(x).square().sum().backward()
        optimizer.step()
    assert torch.equal(net.frozen(x), kept)  # no dropout, no batch statistics
    changed = {key.split(".")[1] for key, value in net.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"2"}


def test_names_of_tensors_do_not_depend_on_the_freeze() -> None:
    assert list(network(freeze=0).state_dict()) == list(network(freeze=2).state_dict())


def test_refusals_name_what_there_is() -> None:
    with pytest.raises(ValueError, match=r"stride must be one of \[2, 4, 8\], not 16"):
        network(16)
    with pytest.raises(ValueError, match="0 to 3 stages, not 4"):
        count_frozen_stages(4, 3)
    assert [count_frozen_stages(f, 5) for f in ("none", "stem", "all", 4)] == [0, 1, 5, 4]


def activation_stages(*channels: int, in_place: bool = True, freeze: int = 0) -> tuple[Stages, list[nn.ReLU6]]:
    """Stages of a convolution and a ReLU6, and the latter."""
    torch.manual_seed(0)
    sixes = [nn.ReLU6(inplace=in_place) for _ in channels]
    blocks = [
        nn.Sequential(nn.Conv2d(a, 4, 3), six, nn.Conv2d(4, 4, 3)) for a, six in zip(channels, sixes, strict=True)
    ]
    outputs = [StageOutput(block, 4, 1) for block in blocks]
    return Stages(outputs, freeze=freeze, out_indices=[len(outputs) - 1]), sixes


def test_activations_that_need_their_input_are_in_place_in_evaluation_only() -> None:
    net, (six,) = activation_stages(3)
    plain, (plain_six,) = activation_stages(3, in_place=False)
    assert [six.inplace, plain_six.inplace] == [False, False]
    for built in (net, plain):
        built(torch.ones(1, 3, 8, 8)).sum().backward()
    for ours, theirs in zip(net.parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None
        assert theirs.grad is not None
        assert torch.equal(ours.grad, theirs.grad)
    net.eval()
    plain.eval()
    assert [six.inplace, plain_six.inplace] == [True, False]


def test_activations_of_frozen_stages_stay_in_place() -> None:
    _, sixes = activation_stages(3, 4, freeze=1)
    assert [six.inplace for six in sixes] == [True, False]


def test_a_copy_switches_its_own_activations() -> None:
    net, (six,) = activation_stages(3)
    copy.deepcopy(net).eval()
    assert not six.inplace
