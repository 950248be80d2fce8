"""Networks that are trained beside the one that predicts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from handful.core.recipe import Part, Recipe
from handful.deployment.export.export import export_to
from handful.evaluation.operations import training_flops
from handful.models.ensemble import join
from handful.models.load_onnx import load_onnx
from handful.recipes.load import from_toml, load_recipe
from handful.recipes.write import fingerprint, to_toml
from handful.saving.checkpoint import Checkpoint
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import recipe, squares
from tests.support.resume import stopped_and_resumed
from tests.support.two_processes import assert_two_learn_what_one_does
from tests.training.runs import assembled, trained_weights

DATA = squares(4)
STAGE = """
[[stages]]
steps = 4
losses = [{ name = "co_teaching", forget = 0.4, rise = 0.0 }]
reset = ["head"]
[stages.optimizer]
lr = 0.01
clip = 1.0
"""


def teaching(forget: float = 0.25, *overrides: str) -> Recipe:
    """Two networks that choose each other's images."""
    plan = recipe("linear", "steps=4", *overrides)
    stages = tuple(replace(stage, losses=(Part("co_teaching", {"forget": forget}),)) for stage in plan.stages)
    return replace(plan, stages=stages, peers=1)


def two_stages() -> Recipe:
    """Cross-entropy first, then co-teaching with new heads."""
    return from_toml(
        to_toml(recipe("linear", "steps=4", "head.nested=2.0")) + STAGE, where="tiny", overrides=("peers=1",)
    )


def test_the_first_network_learns_as_it_does_alone_where_the_peers_choose_nothing() -> None:
    together, alone = trained_weights(teaching(0.0), DATA), trained_weights(recipe("linear", "steps=4"), DATA)
    for name, value in alone.items():
        torch.testing.assert_close(together[name], value, rtol=1e-5, atol=1e-6, msg=name)
    chosen = trained_weights(teaching(0.5), DATA)
    assert not all(torch.equal(chosen[name], value) for name, value in together.items())


def test_peers_have_initial_weights_losses_and_resets_of_their_own() -> None:
    _, assembly = assembled(replace(two_stages(), peers=2))
    networks = [member.network for member in assembly.members]
    assert len(networks) == 3
    weights = [network.get_parameter("head.linear.weight") for network in networks]
    assert not any(torch.equal(weights[0], other) for other in weights[1:])
    for member in assembly.members:
        before = member.initial[1]["head.linear.weight"]
        assert torch.equal(before, member.network.get_parameter("head.linear.weight"))


@pytest.mark.parametrize("at", [2, 5])
def test_a_stopped_run_continues_to_the_same_weights(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(two_stages(), DATA, device="cpu", progress=False)
    resumed = stopped_and_resumed(two_stages(), DATA, tmp_path / "run", monkeypatch, at=at)
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name


def test_a_checkpoint_and_its_disk_space_have_the_peers_and_a_model_has_not(tmp_path: Path) -> None:
    plan = two_stages()
    classifier = train(plan, DATA, device="cpu", progress=False, folder=tmp_path / "run")
    with safe_open(tmp_path / "run" / "checkpoint.safetensors", framework="pt") as file:
        assert any(name.startswith("peers.0.backbone.") for name in file.keys())  # noqa: SIM118
    save_classifier(classifier, tmp_path / "model")
    with safe_open(tmp_path / "model" / "weights.safetensors", framework="pt") as file:
        assert not any("peers" in name for name in file.keys())  # noqa: SIM118
    loaded = load_classifier(tmp_path / "model")
    assert loaded.recipe.peers == 1
    np.testing.assert_array_equal(loaded.probabilities(DATA), classifier.probabilities(DATA))
    sizes: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("handful.saving.checkpoint.refuse_full_disk", lambda _, each: sizes.append(sum(each)))
        for peers in ([], [classifier.network]):
            Checkpoint(tmp_path, plan, 0, DATA).refuse_full_disk(classifier.network, None, trained=True, peers=peers)
    assert sizes[1] > sizes[0]


def test_such_a_model_is_exported_and_joined_as_any_other(tmp_path: Path) -> None:
    classifier = train(teaching(), DATA, device="cpu", progress=False)
    other = train(recipe("linear", "steps=1"), DATA, device="cpu", progress=False)
    assert join([classifier, other]).probabilities(DATA).shape == (len(DATA), 3)
    save_classifier(classifier, tmp_path / "model")
    export_to(tmp_path / "model.onnx", tmp_path / "model")
    assert load_onnx(tmp_path / "model.onnx").classes == classifier.classes


def test_two_processes_choose_the_images_that_one_does(tmp_path: Path) -> None:
    plan = teaching(0.5, "backbone.dropout=0.0", "lr=0.02", "augment=[]")
    for sample in DATA.samples:
        path = tmp_path / "photos" / sample.id
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.moveaxis(np.asarray(sample.image), 0, 2)).save(path)
    assert_two_learn_what_one_does(plan, tmp_path)


def test_a_second_network_doubles_the_operations_and_changes_the_fingerprint() -> None:
    plan = teaching()
    assert training_flops(plan, 12, 1.0) == 2 * training_flops(recipe("linear", "steps=4"), 12, 1.0)
    assert fingerprint(plan) != fingerprint(replace(plan, peers=0))
    assert "peers" not in to_toml(load_recipe("classification-wrn"))
