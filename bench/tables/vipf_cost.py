"""Cost of VIPF's networks: parameters, operations and images per second, relative to ResNeXt."""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from bench.support.jobs import bare_loop, build, cpu_seconds, images
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from bench.support.record import append
from bench.support.vipf_merge import folded, merged
from bench.tables.vipf_ladder import PLAIN, RUNGS
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.recipes.load import from_toml

LADDER = {rung: {**PLAIN, **switches} for rung, switches in RUNGS.items()}
SMALL = {"depth": 20, "width": 16, "groups": 2, "base_width": 32}  # 20_2x8d: 2 groups of 8 channels in the first stage
LARGE = {"depth": 50}  # 50_32x4d
BATCH, SIDE = 32, 32


def run(options: Options) -> None:
    """Counts at the paper's size and at a small one; then speed at the small one, on one thread's processor clock."""
    torch.set_num_threads(1)
    for name, size, side, classes in (("20_2x8d", SMALL, SIDE, 10), ("50_32x4d", LARGE, 224, 1000)):
        print(f"\n{name} at {side} pixels, {classes} classes")
        print(f"  {'':<30} {'M params':>10} {'GFLOP, inference':>18} {'training':>10}")
        for rung, switches in LADDER.items():
            counts = count({**size, **switches}, side=side, classes=classes)
            shown = counts["parameters"] / 1e6, counts["inference"] / 1e9, counts["training"] / 1e9
            print(f"  {rung:<30} {shown[0]:>10.3f} {shown[1]:>18.3f} {shown[2]:>10.3f}")
            append("vipf-cost", {"size": name, "side": side, "network": rung, **counts}, quick=options.quick)
    steps, repeats = (1, 1) if options.quick else (4, 5)
    data = images(per_class=2 * BATCH // 10 + 1, side=SIDE)
    for precision in ("bf16", "fp32"):
        wishes = {rung: recipe({**SMALL, **s}, steps=steps, precision=precision) for rung, s in LADDER.items()}
        wishes["DSK-ResNeXt, lambda per image"] = recipe({**SMALL, "draw": "image"}, steps=steps, precision=precision)
        _speed(
            "training", {r: partial(bare_loop, w, data) for r, w in wishes.items()}, repeats, precision, options.quick
        )
        infer = {rung: _inference(wishes[rung], data, precision) for rung in LADDER}
        _speed("inference", infer, repeats, precision, options.quick)
        _branches(data, repeats, precision, options.quick)


def recipe(backbone: dict[str, Any], *, steps: int, precision: str) -> Recipe:
    """The network with a linear head, cross-entropy and SGD."""
    options = ", ".join(f"{k} = {str(v).lower() if isinstance(v, bool) else repr(v)}" for k, v in backbone.items())
    text = f"""
batch_size = {BATCH}
precision = "{precision}"
backbone = {{ name = "dsk_resnext", {options} }}
head = {{ name = "linear", norm = "none" }}
stages = [{{ steps = {steps}, losses = [{{ name = "cross_entropy" }}] }}]
"""
    return from_toml(text, where="DSK-ResNeXt")


def count(backbone: dict[str, Any], *, side: int, classes: int) -> dict[str, int]:
    """Parameters and the operations (a multiply-add is 2) of one image's forward pass, as torch counts them.

    Training takes one of two branches; its backward pass costs about twice as much again.
    """
    few = images(per_class=1, side=8, classes=classes)
    _, network = build(recipe(backbone, steps=1, precision="fp32"), few)
    found = {"parameters": sum(p.numel() for p in network.parameters())}
    for name, mode in (("inference", False), ("training", True)):
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            network.train(mode)(torch.zeros(2, 3, side, side))
        found[name] = counter.get_total_flops() // 2
    return found


def _speed(what: str, arms: dict[str, Any], repeats: int, precision: str, quick: bool) -> None:
    """Images per second of each network over ResNeXt's: below 1, it is slower."""
    costs = take_turns({name: partial(cpu_seconds, work) for name, work in arms.items()}, repeats=repeats)
    ratios = {f"{name} / ResNeXt": ratio(costs, "ResNeXt", name) for name in arms if name != "ResNeXt"}
    facts = {"network": "20_2x8d", "precision": precision, "side": SIDE, "batch": BATCH, "threads": 1}
    report(f"vipf-cost: {what}, images per second", ratios, costs, quick=quick, **facts, clock="processor")


def _inference(wish: Recipe, data: Dataset, precision: str) -> Any:
    _, network = build(wish, data)
    network.eval().to(memory_format=network.layout)
    return partial(_forward, network, torch.rand(BATCH, 3, SIDE, SIDE), precision)


def _forward(network: nn.Module, x: Tensor, precision: str) -> None:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        for _ in range(4):
            network(x)


def _branches(data: Dataset, repeats: int, precision: str, quick: bool) -> None:
    """D-ResNeXt in inference: as it is, with its norms folded into the convolutions, and then its branches merged."""
    wish = recipe({**SMALL, **LADDER["D-ResNeXt"]}, steps=1, precision=precision)
    _, network = build(wish, data)
    plain = network.backbone.eval().to(memory_format=torch.channels_last)
    x = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    forms = {"two branches": plain, "norms folded": folded(plain), "branches merged": merged(plain)}
    with torch.inference_mode():
        for form in forms.values():
            torch.testing.assert_close(form(x), plain(x), rtol=1e-3, atol=1e-4)
    arms = {name: partial(cpu_seconds, partial(_forward, form, x, precision)) for name, form in forms.items()}
    costs = take_turns(arms, repeats=repeats)
    pairs = (("norms folded", "two branches"), ("branches merged", "norms folded"))
    ratios = {f"{a} / {b}": ratio(costs, b, a) for a, b in pairs}
    facts = {"network": "D-ResNeXt 20_2x8d", "precision": precision, "side": SIDE, "batch": BATCH, "threads": 1}
    report("vipf-cost: branches, images per second", ratios, costs, quick=quick, **facts, clock="processor")
