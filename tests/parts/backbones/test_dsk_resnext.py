from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.resnet import Bottleneck, ResNet

from handful.errors import WeightsError
from handful.models.network import Network
from handful.parts.backbones._dual_branch import DualBranch
from handful.parts.backbones._resnext_block import BlurPool, ResidualBlock
from handful.parts.backbones._selective_kernel import SelectiveKernel
from handful.parts.backbones.dsk_resnext import build, check_choices
from handful.parts.heads import linear
from handful.training.train import train
from tests.support.datasets import context, recipe, squares

SMALL: dict[str, Any] = {"depth": 11, "width": 8, "groups": 4, "base_width": 32}
PLAIN: dict[str, Any] = {"dual": False, "selective": False, "anti_alias": False}


def parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def network(**options: Any) -> nn.Module:
    torch.manual_seed(0)
    return build(context(), **{**SMALL, **options}).network


def images(n: int, h: int, w: int) -> Tensor:
    return torch.randn((n, 3, h, w), generator=torch.Generator().manual_seed(0))


@torch.no_grad()
def test_without_its_changes_it_is_torchvisions_resnext50_32x4d() -> None:
    ours = build(context(), **PLAIN)
    theirs = torchvision.models.resnext50_32x4d(weights=None)
    theirs.fc = theirs.avgpool = nn.Identity()
    own = dict(ours.network.named_parameters())
    assert parameters(ours.network) == parameters(theirs)
    # Ours names a shortcut after its block's residual, as torchvision does: the order is the same.
    source = [v for k, v in theirs.state_dict().items() if not k.endswith("num_batches_tracked")]
    target = [k for k in ours.network.state_dict() if not k.endswith("num_batches_tracked")]
    ours.network.load_state_dict(dict(zip(target, source, strict=True)), strict=False)
    assert own.keys() == dict(ours.network.named_parameters()).keys()
    x = images(2, 70, 64)
    maps = ours.network.eval()(x)
    assert maps.shape == (2, ours.channels, 3, 2)
    torch.testing.assert_close(maps.flatten(1), theirs.eval()(x), rtol=1e-4, atol=1e-4)


def test_101_and_the_small_ones_have_their_blocks() -> None:
    with torch.device("meta"):
        large = build(context(), depth=101, **PLAIN)
        theirs = ResNet(Bottleneck, [3, 4, 23, 3], groups=32, width_per_group=4)
    assert parameters(large.network) == parameters(theirs) - parameters(theirs.fc)
    assert (large.channels, large.stride) == (2048, 32)
    small = build(context(), **{**SMALL, "depth": 29})
    assert (small.channels, small.stride) == (4 * 8 * 4, 4)
    assert sum(isinstance(m, ResidualBlock) for m in small.network.modules()) == 9


@torch.no_grad()
def test_equation_2_in_inference() -> None:
    block = next(m for m in network().eval().modules() if isinstance(m, ResidualBlock))
    dual, x = block.residual, torch.randn(2, 8, 6, 6)
    assert isinstance(dual, DualBranch)
    expected = block.shortcut(x) + 0.5 * dual.first(x) + (1 - 0.5) * dual.second(x)
    torch.testing.assert_close(block(x), expected.clamp(min=0))


def test_equation_2_in_training() -> None:
    block = next(m for m in network(norm="none").train().modules() if isinstance(m, ResidualBlock))
    dual, x = block.residual, torch.randn(2, 8, 6, 6)
    assert isinstance(dual, DualBranch)
    either = [(block.shortcut(x) + f(x)).clamp(min=0) for f in (dual.first, dual.second)]
    taken = {tuple(torch.allclose(y, e) for e in either) for y in (block(x) for _ in range(20))}
    assert taken == {(False, True), (True, False)}


def test_switches_give_the_ladder() -> None:
    def kinds(**options: Any) -> tuple[bool, bool, int]:
        made = list(network(**options).modules())
        found = [any(isinstance(m, kind) for m in made) for kind in (DualBranch, SelectiveKernel)]
        return found[0], found[1], sum(isinstance(m, BlurPool) for m in made)

    assert kinds(**PLAIN) == (False, False, 0)
    assert kinds(**{**PLAIN, "dual": True}) == (True, False, 0)
    assert kinds(**{**PLAIN, "selective": True}) == (False, True, 0)
    assert kinds(dual=False) == (False, True, 4)  # residual and shortcut of two strided blocks
    assert kinds() == (True, True, 6)
    assert kinds(stem="imagenet") == (True, True, 8)


def test_anti_aliased_nothing_strides_but_blurs() -> None:
    for module in network(stem="imagenet").modules():
        if isinstance(module, nn.Conv2d):
            assert module.stride == (1, 1)
        if isinstance(module, nn.MaxPool2d):
            assert module.stride == 1


@torch.no_grad()
def test_a_shift_changes_an_anti_aliased_network_less() -> None:
    def change(**options: Any) -> float:
        made = network(**{**PLAIN, **options}, depth=20).eval()
        x = images(8, 33, 33)
        a, b = (made(part).mean(dim=(2, 3)) for part in (x[..., :32, :32], x[..., 1:, 1:]))
        return float((a - b).norm() / a.norm())

    assert change(anti_alias=True) < change()


def test_depthwise_has_a_group_for_each_channel() -> None:
    def groups(**options: Any) -> set[tuple[int, int]]:
        made = network(**options).modules()
        return {
            (m.groups, m.in_channels) for m in made if isinstance(m, nn.Conv2d) and m.kernel_size in ((3, 3), (5, 5))
        }

    assert groups() == {(1, 3), (4, 16), (4, 32), (4, 64)}
    assert groups(grouped="depthwise") == {(1, 3), (16, 16), (32, 32), (64, 64)}


def test_full_padding_grows_both_ways_through_a_block_alike() -> None:
    for options in ({}, PLAIN, {**PLAIN, "selective": True}):
        made = network(padding="full", **options)
        assert made.grows
        margin = 1 if options is PLAIN else 2
        side = 16 + 2 + 2 * margin
        for _ in range(2):
            side = (side + 2 * margin + 1) // 2
        assert made.eval()(images(1, 16, 16)).shape[-2:] == (side, side)


def test_the_smallest_images_pass() -> None:
    assert network(stem="imagenet").eval()(images(1, 1, 1)).isfinite().all()
    assert network().train()(images(2, 4, 4)).isfinite().all()


def test_starts_from_a_checkpoint_or_says_why_not(tmp_path: Path) -> None:
    source = network().state_dict()
    save_file(source, tmp_path / "dsk.safetensors")
    torch.manual_seed(1)
    copy = build(context(), **SMALL, weights=str(tmp_path / "dsk.safetensors")).network.state_dict()
    assert all(torch.equal(a, b) for a, b in zip(source.values(), copy.values(), strict=True))
    with pytest.raises(WeightsError, match="dsk"):
        build(context(), **SMALL, dual=False, weights=str(tmp_path / "dsk.safetensors"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 12}, "9 n"),
        ({"depth": 2}, "9 n"),
        ({"groups": 0}, "at least 64"),
        ({"width": 8, "base_width": 4}, "at least 64"),
    ],
    ids=str,
)
def test_refused_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(context(), **options)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dense", "batch", None), "depthwise"),
        (("grouped", "epoch", None), "batch or image"),
        (("grouped", "image", "tiny"), "small"),
    ],
)
def test_refused_words(words: tuple[str, str, str | None], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_choices(*words)


class Scores(nn.Module):
    """A whole network, images to class scores: what is deployed."""

    def __init__(self, whole: Network) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.whole(x).logits
        return scores


@torch.no_grad()
@pytest.mark.parametrize("convolution", ["plain", "harmonic"])
def test_a_whole_network_exports_without_control_flow(convolution: str) -> None:
    made = context()
    torch.manual_seed(0)
    backbone = build(made, **SMALL, convolution=convolution)  # type: ignore[arg-type]
    head = linear.build(made, backbone=backbone, norm="none", dropout=0.2, pool="dual")
    whole = Scores(Network(backbone, head, made.labels)).eval()
    x = torch.rand(2, 3, 32, 32)
    program = torch.export.export(whole, (x,))
    torch.testing.assert_close(program.module()(x), whole(x))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert not any(word in name for name in called for word in ("rand", "bernoulli", "dropout", "nonzero", "cond"))


@torch.no_grad()
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_an_onnx_file_scores_as_the_network_does(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    made = context()
    torch.manual_seed(0)
    backbone = build(made, **SMALL)
    head = linear.build(made, backbone=backbone, norm="none", dropout=0.2, pool="dual")
    whole = Scores(Network(backbone, head, made.labels)).eval()
    path = tmp_path / "dsk.onnx"
    example = (torch.rand(2, 3, 32, 32),)
    torch.onnx.export(whole, example, path, dynamo=True, dynamic_shapes={"x": {0: "n"}}, verbose=False)
    session = runtime.InferenceSession(path)
    x = torch.rand(5, 3, 32, 32)
    (scores,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(scores), whole(x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("draw", ["batch", "image"])
def test_the_seed_of_training_decides_every_lambda(draw: str) -> None:
    wish = recipe(
        "linear",
        f'backbone={{name="dsk_resnext",depth=11,width=8,groups=4,base_width=32,draw="{draw}"}}',
        "stages.0.steps=3",
    )
    first, again, other = (train(wish, squares(), seed=s, progress=False).network.state_dict() for s in (0, 0, 1))
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert any(not torch.equal(first[k], other[k]) for k in first)
