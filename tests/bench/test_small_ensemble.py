"""An ensemble and its control cost alike, and differ in nothing else."""

from dataclasses import replace

import pytest
from bench.tables.small_ensemble import ROWS, SIDE, rows

from handful.evaluation.operations import forward_flops, training_flops
from handful.recipes.load import load_recipe


def test_every_row_but_the_single_small_network_costs_alike() -> None:
    costs = {r.name: forward_flops(r, [f"class {i}" for i in range(10)], size=(SIDE, SIDE)) for r in rows()}
    assert list(costs) == list(ROWS)
    whole = costs.pop("WRN-16-4")
    assert costs.pop("WRN-16-2") < 0.3 * whole
    for name, cost in costs.items():
        assert cost == pytest.approx(whole, rel=0.03), name
    first, second = rows()[:2]
    assert training_flops(first, 50, whole) == pytest.approx(
        training_flops(second, 50, costs["4 x WRN-16-2"]), rel=0.03
    )


def test_the_ensemble_is_its_control_but_for_width_and_members() -> None:
    small, wide, base = (
        load_recipe(n) for n in ("small-ensemble-wrn", "classification-wide-wrn", "classification-wrn")
    )
    assert replace(small, name=base.name, about=base.about, posthoc=()) == base
    backbone = replace(wide.backbone, options={**wide.backbone.options, "width": 2})
    assert replace(wide, name=base.name, about=base.about, backbone=backbone) == base
