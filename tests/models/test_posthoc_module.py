import torch
from torch import nn

from handful.core.recipe import Part
from handful.models.posthoc_module import PosthocModule, posthoc_modules, unwrap


def test_modules_are_listed_from_the_outside_and_the_network_is_inside() -> None:
    network = nn.Linear(2, 2)
    inner = PosthocModule(network, Part("inner"))
    outer = PosthocModule(inner, Part("outer"))
    assert [module.part.name for module in posthoc_modules(outer)] == ["outer", "inner"]
    assert unwrap(outer) is network
    assert unwrap(network) is network
    assert list(posthoc_modules(network)) == []


def test_weights_keep_the_names_that_saved_models_have() -> None:
    wrapped = PosthocModule(PosthocModule(nn.Linear(1, 1), Part("inner")), Part("outer"))
    assert list(wrapped.state_dict()) == ["network.network.weight", "network.network.bias"]
    assert torch.equal(wrapped.state_dict()["network.network.bias"], unwrap(wrapped).state_dict()["bias"])
