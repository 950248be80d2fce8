"""Training with a stream of unlabelled images, further views and the mean teacher."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from handful.core.recipe import Part
from handful.errors import TrainingError, command_line, name_options
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import squares
from tests.support.resume import stopped_and_resumed
from tests.support.two_processes import assert_two_learn_what_one_does
from tests.support.two_streams import half_labelled, two_streams
from tests.training.runs import trained_weights

REMEMBERING = (Part("early_learning"), Part("consistency", {"threshold": 0.4, "align": True}), Part("mean_teacher"))
SHRINKING = (Part("cross_entropy"), Part("shrink_match", {"threshold": 0.4}), Part("mean_teacher"))


@pytest.mark.parametrize("losses", [(), REMEMBERING, SHRINKING])
@pytest.mark.parametrize("at", [1, 5])
def test_a_stopped_run_continues_to_the_same_weights(
    at: int, losses: tuple[Part, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, data = two_streams(losses=losses), half_labelled()
    whole = train(plan, data, progress=False)
    resumed = stopped_and_resumed(plan, data, tmp_path / "run", monkeypatch, at=at)
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name


def test_the_unlabelled_images_and_the_teacher_change_what_is_learned() -> None:
    data = half_labelled()
    both = trained_weights(two_streams(), data)
    fewer = data.select(range(len(data) - 5))
    light = two_streams('stages.0.losses=[{name="cross_entropy"},{name="mean_teacher",weight=0.1}]')
    for other in (trained_weights(two_streams(), fewer), trained_weights(light, data)):
        assert not all(torch.equal(both[name], other[name]) for name in both)


def test_a_stream_without_an_image_is_refused_before_training() -> None:
    with pytest.raises(TrainingError, match=r"(?s)learns from unlabelled images, and there are none.*label is None"):
        train(two_streams(), squares(3), progress=False)
    with command_line():
        name_options(["--unlabelled"])
        with pytest.raises(TrainingError, match=r"(?s)--unlabelled given\), or take .* \(--unlabelled rest\), or use"):
            train(two_streams(), squares(3), progress=False)
        name_options(["--out"])
        with pytest.raises(TrainingError, match="a folder named unlabelled, or use a recipe that needs none"):
            train(two_streams(), squares(3), progress=False)


def test_a_saved_model_has_nothing_of_its_losses(tmp_path: Path) -> None:
    plan = two_streams(losses=(Part("early_learning"), Part("center", {"centers": "learned"}), Part("mean_teacher")))
    data = half_labelled()
    classifier = train(plan, data, progress=False)
    assert any(name.startswith("losses.") for name in classifier.network.state_dict())
    save_classifier(classifier, tmp_path / "model")
    with safe_open(tmp_path / "model" / "weights.safetensors", framework="pt") as file:
        names = set(file.keys())
    assert not any("losses." in name for name in names)
    loaded = load_classifier(tmp_path / "model")
    np.testing.assert_array_equal(loaded.probabilities(data), classifier.probabilities(data))


def test_two_processes_learn_what_one_does(tmp_path: Path) -> None:
    plan = two_streams("backbone.dropout=0.0", "steps=6", "lr=0.02", losses=REMEMBERING)
    data = half_labelled()
    for sample in data.samples:
        folder = "unlabelled" if sample.label is None else data.classes[sample.label]
        path = tmp_path / "photos" / folder / sample.id.replace("/", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.moveaxis(np.asarray(sample.image), 0, 2)).save(path)
    assert_two_learn_what_one_does(plan, tmp_path)


def test_a_memory_has_the_predictions_for_the_images_that_were_seen() -> None:
    data = half_labelled()
    classifier = train(two_streams("steps=40", losses=REMEMBERING), data, progress=False)
    memory = classifier.network.state_dict()["losses.0.memory"]
    assert memory.shape == (len(data), 3)
    assert (memory.sum(dim=1) > 0.5).all()


def test_a_supervised_a_contrastive_and_a_masked_image_loss_are_one_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = ("backbone.depth=10", "backbone.width=1", "steps=4", "batch_size=6", "precision=fp32")
    plan, data = load_recipe("hvpt-wrn", overrides=small), half_labelled()
    whole = train(plan, data, progress=False)
    decoders = [name for name in whole.network.state_dict() if name.startswith("losses.") and "pixels" in name]
    assert decoders
    resumed = stopped_and_resumed(plan, data, tmp_path / "run", monkeypatch, at=2)
    for name, value in whole.network.state_dict().items():
        assert value.equal(resumed.network.state_dict()[name]), name
    assert whole.network.eval()(torch.zeros(1, 3, 12, 12)).maps is None
