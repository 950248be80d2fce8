import torch
from bench.support.jobs import build, images
from bench.support.vipf_merge import folded, merged
from bench.tables.vipf_cost import LADDER, count, recipe
from torch import nn

SMALL = {"depth": 11, "width": 8, "groups": 4, "base_width": 32}


@torch.no_grad()
def test_folded_and_merged_branches_compute_the_same() -> None:
    wish = recipe({**SMALL, **LADDER["D-ResNeXt"]}, steps=1, precision="fp32")
    _, network = build(wish, images(per_class=1, side=8))
    plain = network.backbone.eval()
    for module in plain.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.running_mean, module.running_var, module.weight, module.bias):
                assert values is not None
                values.data.uniform_(0.5, 1.5)
    x = torch.randn(2, 3, 16, 16)
    for form in (folded(plain), merged(plain)):
        torch.testing.assert_close(form(x), plain(x), rtol=1e-4, atol=1e-3)
        assert not any(isinstance(m, nn.BatchNorm2d) for n, m in form.named_modules() if "residual" in n)


def test_two_branches_cost_twice_in_inference_and_nothing_in_training() -> None:
    one, two = (count({**SMALL, **LADDER[n]}, side=16, classes=3) for n in ("ResNeXt", "D-ResNeXt"))
    assert two["training"] == one["training"] == one["inference"]
    assert one["inference"] < two["inference"] < 2 * one["inference"]
    assert two["parameters"] > one["parameters"]
