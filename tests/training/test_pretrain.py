"""Pretraining: no label is read, the backbone serves recipes, and the images are remembered."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from handful.core.progress import Progress
from handful.core.recipe import Part, Recipe
from handful.errors import DataError, ModelError, OutputError, ProtocolError, RecipeError
from handful.evaluation.evaluate import evaluate
from handful.evaluation.protocol import Protocol
from handful.recipes.load import load_recipe
from handful.saving.checkpoint import Checkpoint
from handful.saving.classifier import load_classifier
from handful.training.pretrain import pretrain
from handful.training.train import train
from tests.support import datasets

SMALL = ("backbone.depth=10", "backbone.width=1", "steps=6", "batch_size=8")


def recipe(name: str = "contrastive-wrn", *overrides: str) -> Recipe:
    return load_recipe(name, overrides=(*SMALL, *overrides))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights.safetensors")


@pytest.mark.parametrize("name", ["contrastive-wrn", "rotation-wrn", "masked-image-wrn", "selfie-wrn"])
def test_labels_are_not_read(name: str, tmp_path: Path) -> None:
    data = datasets.squares(4)
    done = pretrain(tmp_path / "a", recipe(name), data, progress=False)
    pretrain(tmp_path / "b", recipe(name), data.without_labels(), progress=False)
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert all(k.startswith("backbone.") for k in first)
    assert (done.card["unlabelled_images"], done.card["steps"]) == (12, 6)


def test_a_recipe_begins_with_the_backbone(tmp_path: Path) -> None:
    pretrain(tmp_path / "b", recipe(), datasets.squares(4), progress=False)
    fitted = load_recipe("logistic", backbone=str(tmp_path / "b"))
    assert fitted.image_size == (12, 12)
    assert len(train(fitted, datasets.squares(3, seed=1), progress=False).classes) == 3
    tuned = load_recipe(
        "classification-wrn", overrides=(*SMALL, "backbone.norm=batch", f"backbone.weights={tmp_path / 'b'}", "lr=1e-9")
    )
    network = train(tuned, datasets.squares(3, seed=1), progress=False).network
    learned = weights(tmp_path / "b")["backbone.1.conv1.weight"]
    torch.testing.assert_close(network.state_dict()["backbone.1.conv1.weight"], learned, atol=1e-6, rtol=1e-5)


def test_images_of_the_pretraining_are_not_scored(tmp_path: Path) -> None:
    data = datasets.squares(6)
    pretrain(tmp_path / "b", recipe(), data.select(range(10)), progress=False)
    fitted = load_recipe("logistic", backbone=str(tmp_path / "b"))
    with pytest.raises(ProtocolError, match="10 of the 18 scored images were training images of this model"):
        evaluate(fitted, data, protocol=Protocol((0,), folds=3), progress=False)


def test_images_of_val_and_test_are_left_out(tmp_path: Path) -> None:
    train_part, test_part = datasets.squares(3), datasets.squares(2, seed=1, split="test")
    both = replace(train_part, samples=(*train_part.samples, *test_part.samples))
    assert pretrain(tmp_path / "b", recipe(), both, progress=False).card["unlabelled_images"] == 9
    with pytest.raises(DataError, match="fewer than two training images"):
        pretrain(tmp_path / "c", recipe(), test_part, progress=False)


def test_a_stopped_run_resumes_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, advance, seen = datasets.squares(4), Progress.advance, []

    def stop(self: Progress, loss: float, steps: int = 1) -> None:
        seen.append(steps)
        if sum(seen) == 3:
            raise KeyboardInterrupt
        advance(self, loss, steps)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "advance", stop)
        patch.setattr(Checkpoint, "due", lambda self: True)
        with pytest.raises(KeyboardInterrupt):
            pretrain(tmp_path / "a", recipe(), data, progress=False)
    with pytest.raises(OutputError, match="unfinished run"):
        pretrain(tmp_path / "a", recipe(), data, progress=False)
    pretrain(tmp_path / "a", recipe(), data, resume=True, progress=False)
    pretrain(tmp_path / "b", recipe(), data, progress=False)
    first, second = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert all(torch.equal(first[k], second[k]) for k in first)
    assert not list((tmp_path / "a").glob("checkpoint*"))
    with pytest.raises(OutputError, match="already exists"):
        pretrain(tmp_path / "a", recipe(), data, progress=False)


def test_a_backbone_is_no_classifier(tmp_path: Path) -> None:
    pretrain(tmp_path / "b", recipe(), datasets.squares(4), progress=False)
    with pytest.raises(ModelError, match=r"pretrained backbone, which has no classes(.|\n)*load_recipe\("):
        load_classifier(tmp_path / "b")


@pytest.mark.parametrize(
    ("name", "word"),
    [("classification-wrn", "loss 'cross_entropy'"), ("logistic-pixels", "head")],
)
def test_recipes_that_learn_from_labels_are_refused(name: str, word: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=rf"{word}.* needs labels(.|\n)*contrastive, masked_image, rotation, selfie"):
        pretrain(tmp_path / "b", load_recipe(name), datasets.squares(3), progress=False)
    assert not (tmp_path / "b").exists()


def test_trained_alone_class_means_classify() -> None:
    model = train(recipe("contrastive-wrn", "steps=12"), datasets.squares(4), progress=False)
    assert model.recipe.posthoc == (Part("class_means"),)
    assert model.probabilities(datasets.squares(1, seed=3)).shape == (3, 3)
