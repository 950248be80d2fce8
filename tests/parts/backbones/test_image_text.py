from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from handful.comparison.candidates import choose_candidates, role_of
from handful.core.recipe import Part
from handful.data.in_memory import load_tensors
from handful.errors import RecipeError, WeightsError
from handful.models.text.clip import encode_texts, projected_features
from handful.parts import registry
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.clip_model import SIDE, SIZE, write_clip
from tests.support.datasets import CLASSES, context, squares


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_clip(tmp_path_factory.mktemp("clip"), CLASSES)


def overrides(model: str) -> tuple[str, ...]:
    return (f"backbone.model={model}", f"labels.path={model}", "image_size=[32, 32]", "precision=fp32")


def test_vectors_are_the_librarys(model: str) -> None:
    import transformers

    clip = transformers.AutoModel.from_pretrained(model).eval()
    backbone = registry.build("backbones", Part("image_text", {"model": model}), context())
    assert backbone.channels == SIZE
    assert backbone.mean == (0.5, 0.4, 0.3)
    x = torch.randn(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = projected_features(clip.get_image_features(pixel_values=x))
        torch.testing.assert_close(backbone.network.eval()(x)[:, :, 0, 0], expected)
        assert backbone.network(torch.rand(2, 3, 50, 40)).shape == (2, SIZE, 1, 1)


def test_zero_shot_is_the_nearest_class_name_whatever_the_images_teach(model: str, tmp_path: Path) -> None:
    import transformers

    data = squares(3)
    classifier = train(load_recipe("zero-shot", overrides=overrides(model)), data, progress=False)
    clip = transformers.AutoModel.from_pretrained(model).eval()
    images = load_tensors(data, size=(32, 32), masks=False).images.float() / 255
    images = (images - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor(
        transformers.AutoImageProcessor.from_pretrained(model).image_std
    ).view(3, 1, 1)
    names = torch.from_numpy(encode_texts([f"a photo of a {name}." for name in CLASSES], model=model))
    with torch.inference_mode():
        seen = F.normalize(projected_features(clip.get_image_features(pixel_values=images)), dim=1)
    nearest = (seen @ F.normalize(names, dim=1).T).argmax(dim=1).numpy()
    np.testing.assert_array_equal(classifier.predict(data), nearest)
    save_classifier(classifier, tmp_path / "model")
    again = load_classifier(tmp_path / "model")
    np.testing.assert_allclose(again.probabilities(data), classifier.probabilities(data), atol=1e-6)
    assert not [name for name in again.network.state_dict() if "text" in name.removeprefix("backbone.network.")]


def test_it_is_a_control_of_a_comparison_where_a_model_is_named(model: str) -> None:
    recipes, candidates = choose_candidates(squares(3), ["nearest-centroid"], image_text=model)
    assert "zero-shot" in [r.name for r in recipes]
    assert next(c for c in candidates if c.recipe == "zero-shot").taken
    assert role_of("zero-shot") == "control"


def test_what_cannot_be_had_or_compared_is_one_error(model: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="cannot be loaded"):
        registry.build("backbones", Part("image_text", {"model": str(tmp_path / "none")}), context())
    table = tmp_path / "vectors.csv"
    table.write_text("\n".join(f"{name},{i},1,2" for i, name in enumerate(CLASSES)))
    other = ("labels.source=vectors", f"labels.path={table}", 'labels.templates=["{}"]')
    with pytest.raises(RecipeError, match="cannot be compared"):
        train(load_recipe("zero-shot", overrides=(*overrides(model), *other)), squares(3), progress=False)
