"""Network, losses, weight average and copies of initial weights, from a recipe."""

from dataclasses import replace

import torch
from torch import nn

from handful.core.recipe import Part, Recipe
from handful.models.network import Network
from handful.parts import registry
from handful.training.random_streams import Stream, derive_seed
from tests.support.datasets import recipe, squares
from tests.training.runs import assembled


def two_stages() -> Recipe:
    """The second stage sets the head back, and has a loss with centers."""
    plan = recipe("linear")
    second = replace(
        plan.stages[0], reset=("head.linear",), losses=(Part("cross_entropy"), Part("center", {"centers": "learned"}))
    )
    return replace(plan, stages=(plan.stages[0], second))


def test_initial_weights_are_those_of_the_seed() -> None:
    setup, assembly = assembled(recipe("linear"), seed=3)
    torch.manual_seed(derive_seed(3, Stream.WEIGHTS))
    by_hand = registry.build_network(setup.recipe, setup.context).state_dict()
    state = assembly.network.state_dict()
    assert set(by_hand) == set(state)
    assert all(torch.equal(value, state[name]) for name, value in by_hand.items())
    _, other = assembled(recipe("linear"), seed=4)
    assert any(not torch.equal(value, state[name]) for name, value in other.network.state_dict().items())


def test_each_stage_has_its_losses_and_the_network_holds_what_they_learn() -> None:
    _, assembly = assembled(two_stages())
    assert [len(losses) for losses in assembly.losses] == [1, 2]
    held = list(assembly.network.losses)
    assert all(
        any(loss is one for one in held) for stage in assembly.losses for loss in stage if isinstance(loss, nn.Module)
    )
    center = assembly.losses[1][1]
    assert isinstance(center, nn.Module)
    size = assembly.network.get_submodule("head.linear").in_features
    assert any(tensor.shape[-1] == size for tensor in center.state_dict().values())


def test_what_a_stage_resets_is_copied_and_does_not_move_with_the_network() -> None:
    _, assembly = assembled(two_stages())
    assert assembly.initial[0] == {}
    assert set(assembly.initial[1]) == {"head.linear.weight", "head.linear.bias"}
    before = {name: value.clone() for name, value in assembly.initial[1].items()}
    with torch.no_grad():
        assembly.network.get_parameter("head.linear.weight").add_(1)
    assert all(torch.equal(value, assembly.initial[1][name]) for name, value in before.items())


def test_the_average_predicts_where_the_recipe_has_one() -> None:
    _, plain = assembled(recipe("linear"))
    assert plain.average is None
    assert plain.averaged is None
    assert plain.trained is plain.network
    _, assembly = assembled(recipe("linear", "ema=0.9"))
    assert isinstance(assembly.averaged, Network)
    assert assembly.trained is assembly.averaged
    assert assembly.averaged is not assembly.network
    averaged = assembly.averaged.state_dict()
    assert all(torch.equal(value, averaged[name]) for name, value in assembly.network.state_dict().items())


def test_building_leaves_statistics_alone_and_features_have_the_length_that_losses_are_told() -> None:
    _, assembly = assembled(two_stages(), squares(2))
    norms = [m for m in assembly.network.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    for norm in norms:
        assert norm.running_mean is not None
        assert norm.num_batches_tracked is not None
        assert int(norm.num_batches_tracked) == 0
        assert not norm.running_mean.any()
    assert assembly.network.training
    assert assembly.views is None


def test_augmentations_and_posthoc_parts_keep_the_order_of_the_recipe() -> None:
    plan = recipe("linear")
    plan = replace(plan, augment=(Part("affine"), *plan.augment), posthoc=(Part("tta"), Part("temperature")))
    _, assembly = assembled(plan)
    assert [part.name for part, _ in assembly.augment.parts] == ["affine", "noise"]
    assert len(assembly.posthoc) == 2
