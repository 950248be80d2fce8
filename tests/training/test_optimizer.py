"""Layer-wise learning rates, and batch norms that keep their statistics."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from handful.core.recipe import Recipe, Stage
from handful.errors import RecipeError
from handful.models.network import Network
from handful.parts.registry import build_network
from handful.recipes.load import from_toml
from handful.recipes.write import fingerprint, to_toml
from handful.training.optimizer import layer_depths, make_optimizer, set_rate, train_mode
from handful.training.train import train
from tests.support.datasets import context, recipe, squares
from tests.support.resume import stopped_and_resumed

LITE = 'backbone={name="efficientnet_lite0",pretrained=false}'


def network(*overrides: str) -> tuple[Network, Stage]:
    own = recipe("linear", *overrides)
    return build_network(own, replace(context("linear"), recipe=own)), own.stages[0]


def rates(net: Network, stage: Stage) -> dict[str, float]:
    """The learning rate of every parameter that learns, by name."""
    optimizer = make_optimizer(net, stage)
    set_rate(optimizer, stage.optimizer.lr)
    of = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    return {name: of[id(p)] for name, p in net.named_parameters() if id(p) in of}


def test_a_stage_learns_at_lr_times_the_decay_to_its_distance_from_the_head() -> None:
    found = rates(*network(LITE, "lr=0.1", "stages.0.optimizer.layer_decay=0.5"))
    assert len(found) == len(dict(network(LITE)[0].named_parameters()))
    for name, rate in found.items():
        depth = 5 - int(name.split(".")[2]) if name.startswith("backbone.stages") else 0
        assert rate == pytest.approx(0.1 * 0.5**depth), name


def test_frozen_stages_count_but_do_not_learn() -> None:
    frozen = 'backbone={name="efficientnet_lite0",pretrained=false,freeze=3}'
    found = rates(*network(frozen, "lr=0.1", "stages.0.optimizer.layer_decay=0.5"))
    assert {name.split(".")[2] for name in found if name.startswith("backbone")} == {"3", "4"}
    assert {round(rate, 6) for rate in found.values()} == {0.1, 0.05, 0.025}


def test_a_backbone_without_stages_counts_its_layers() -> None:
    net, _ = network()
    depths = layer_depths(net)
    layers = list(net.backbone.children())
    assert set(depths) == set(net.backbone.parameters())
    assert [depths[next(iter(layer.parameters()))] for layer in layers] == list(range(len(layers), 0, -1))


def test_the_decay_of_weights_spares_norms_in_every_layer() -> None:
    net, stage = network("stages.0.optimizer.layer_decay=0.5", "stages.0.optimizer.decay_norms=false")
    for group in make_optimizer(net, stage).param_groups:
        assert all((p.ndim > 1) == (group["weight_decay"] > 0) for p in group["params"])


def test_without_decay_the_groups_are_as_they_were() -> None:
    net, stage = network()
    (group,) = make_optimizer(net, stage).param_groups
    assert group["params"] == list(net.parameters())
    assert group["scale"] == 1


@pytest.mark.parametrize("value", ["0", "1.1", "-0.5"])
def test_a_decay_beyond_its_range_is_refused(value: str) -> None:
    with pytest.raises(RecipeError, match="layer_decay must be above 0"):
        recipe("linear", f"stages.0.optimizer.layer_decay={value}")


def test_both_options_are_in_the_text_and_the_fingerprint_only_where_given() -> None:
    base = recipe("linear")
    assert "layer_decay" not in to_toml(base)
    assert "statistics" not in to_toml(base)
    for override in ("stages.0.optimizer.layer_decay=0.5", "stages.0.statistics=frozen"):
        other = recipe("linear", override)
        assert from_toml(to_toml(other), where="tiny") == other
        assert fingerprint(other) != fingerprint(base)
    with pytest.raises(RecipeError, match="did you mean 'frozen'"):
        recipe("linear", "stages.0.statistics=frosen")


def statistics(net: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items() if "running" in name}


def test_frozen_statistics_stay_in_the_backbone_alone_and_its_norms_learn() -> None:
    head = "head.norm=batch"
    net, _ = network(head)
    before = statistics(net)
    train_mode(net, statistics="frozen")
    net(torch.rand(4, 3, 12, 12))
    changed = {name for name, value in statistics(net).items() if not value.equal(before[name])}
    assert changed
    assert all(name.startswith("head.") for name in changed)
    train_mode(net)
    net(torch.rand(4, 3, 12, 12))
    assert any(name.startswith("backbone.") for name, value in statistics(net).items() if not value.equal(before[name]))

    trained = train(recipe("linear", head, "steps=3", "stages.0.statistics=frozen"), squares(3), progress=False)
    state = trained.network.state_dict()
    norms = [name.removesuffix("running_mean") for name in state if name.endswith("running_mean")]
    own = [name for name in norms if name.startswith("backbone.")]
    assert own
    assert all(not state[f"{name}running_mean"].any() for name in own)
    assert any(not state[f"{name}weight"].eq(1).all() for name in own)


def head_first() -> Recipe:
    base = recipe("linear", "steps=3", "stages.0.optimizer.layer_decay=0.5", "stages.0.statistics=frozen")
    (stage,) = base.stages
    alone = replace(stage, trainable=("head",))
    return replace(base, stages=(alone, stage))


def test_head_first_leaves_the_backbone_as_it_was_until_the_second_stage() -> None:
    data, own = squares(3), head_first()
    start = train(replace(own, stages=(replace(own.stages[0], steps=1),)), data, progress=False)
    first = train(replace(own, stages=own.stages[:1]), data, progress=False)
    both = train(own, data, progress=False)

    def backbone(found: object) -> dict[str, torch.Tensor]:
        assert hasattr(found, "network")
        return {k: v for k, v in found.network.state_dict().items() if k.startswith("backbone.")}

    assert all(value.equal(backbone(first)[name]) for name, value in backbone(start).items())
    assert not all(value.equal(backbone(first)[name]) for name, value in backbone(both).items())


@pytest.mark.parametrize("stop", [2, 4])
def test_stopped_anywhere_it_ends_as_if_nothing_had_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    data, own = squares(3), head_first()
    whole = train(own, data, progress=False)
    resumed = stopped_and_resumed(own, data, tmp_path / "run", monkeypatch, at=stop + 1)
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name
