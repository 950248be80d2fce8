import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from handful.core.dataset import Dataset, PixelRange
from handful.data.arrays import from_arrays, image_samples
from handful.errors import HandfulWarning, ModelError, OutputError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import recipe, squares


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return train(recipe("segmentation", "steps=3"), squares(), progress=False)


def test_round_trip_predicts_the_same(classifier: Classifier, tmp_path: Path) -> None:
    folder = save_classifier(classifier, tmp_path / "model")
    assert sorted(p.name for p in folder.iterdir()) == [
        "CARD.md",
        "card.json",
        "classes.json",
        "recipe.toml",
        "weights.safetensors",
    ]
    loaded = load_classifier(folder)
    assert loaded.classes == classifier.classes
    assert loaded.recipe == classifier.recipe
    np.testing.assert_array_equal(loaded.probabilities(squares(3)), classifier.probabilities(squares(3)))
    assert next(loaded.maps(squares(1))).shape == (4, 12, 12)


def test_nothing_is_overwritten_without_a_word(classifier: Classifier, tmp_path: Path) -> None:
    folder = save_classifier(classifier, tmp_path / "model")
    with pytest.raises(OutputError, match="overwrite=True"):
        save_classifier(classifier, folder)
    save_classifier(classifier, folder, overwrite=True)
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "precious.jpg").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"holds other files \(precious.jpg\)"):
        save_classifier(classifier, photos, overwrite=True)
    assert (photos / "precious.jpg").read_bytes() == b"x"


def test_damaged_foreign_and_newer_models_are_refused(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a saved model"):
        load_classifier(tmp_path / "nothing")
    folder = save_classifier(classifier, tmp_path / "model")
    described = json.loads((folder / "classes.json").read_text())
    (folder / "classes.json").write_text(json.dumps({**described, "format": 99}))
    with pytest.raises(ModelError, match=r"(?s)format 99 is newer.*update handful"):
        load_classifier(folder)
    (folder / "classes.json").write_text(json.dumps({"names": []}))
    with pytest.raises(ModelError, match="names no format"):
        load_classifier(folder)
    (folder / "classes.json").write_text("{")
    with pytest.raises(ModelError, match="not JSON"):
        load_classifier(folder)
    (folder / "classes.json").write_text(json.dumps({**described, "classes": ["a", "b"]}))
    with pytest.raises(ModelError, match="damaged or foreign"):
        load_classifier(folder)
    (folder / "classes.json").write_text(json.dumps(described))
    whole = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="damaged or foreign"):
        load_classifier(folder)


def test_a_damaged_foreign_or_newer_ensemble_is_refused(tmp_path: Path) -> None:
    folder = save_classifier(join([untrained(), untrained(seed=1)]), tmp_path / "both")
    assert sorted(p.name for p in folder.iterdir()) == [
        "CARD.md",
        "card.json",
        "ensemble.json",
        "member-1",
        "member-2",
        "recipe.toml",
    ]
    described = json.loads((folder / "ensemble.json").read_text())
    for change, message in (
        ({"format": 99}, "format 99 is newer"),
        ({"members": ["member-1", "../both"]}, "damaged or foreign"),
        ({"weights": ["much", 1]}, "damaged or foreign"),
        ({"classes": ["a", "b", "c"]}, "other classes"),
        ({"members": ["member-1", "member-3"]}, "member-3: this is not a saved model"),
    ):
        (folder / "ensemble.json").write_text(json.dumps({**described, **change}))
        with pytest.raises(ModelError, match=message):
            load_classifier(folder)
    (folder / "ensemble.json").write_text(json.dumps(described))
    (folder / "card.json").unlink()
    with pytest.raises(ModelError, match=r"card\.json is missing"):
        load_classifier(folder)


def test_a_wrap_that_does_not_exist_is_refused_and_an_older_model_has_none(
    classifier: Classifier, tmp_path: Path
) -> None:
    folder = save_classifier(classifier, tmp_path / "model")
    described = json.loads((folder / "classes.json").read_text())
    for wrap in ({"name": "nonsense"}, {"name": "ensemble"}, {"name": "tta", "views": "many"}):
        (folder / "classes.json").write_text(json.dumps({**described, "wraps": [wrap]}))
        with pytest.raises(ModelError, match="damaged or foreign"):
            load_classifier(folder)
    del described["wraps"]
    (folder / "classes.json").write_text(json.dumps({**described, "format": 1}))
    np.testing.assert_array_equal(
        load_classifier(folder).probabilities(squares(1)), classifier.probabilities(squares(1))
    )


def test_a_model_scales_new_deep_images_as_its_training_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 4096, (8, 8, 8)).astype(np.uint16)
    with pytest.warns(HandfulWarning, match="12-bit"):
        data = from_arrays(values, ["cat", "dog"] * 4)
    trained = train(load_recipe("logistic-pixels"), data, device="cpu", progress=False)
    assert trained.pixel_range == PixelRange.of_bits(12)
    loaded = load_classifier(save_classifier(trained, tmp_path / "model"))
    assert loaded.pixel_range == trained.pixel_range
    values = values[:2] // 64  # of 6 bits, were they a data set of their own
    dark = Dataset(tuple(image_samples(values)), ())
    expected = from_arrays(np.rint(values * (255 / 4095)).astype(np.uint8))
    np.testing.assert_array_equal(loaded.probabilities(dark), loaded.probabilities(expected))


def test_a_model_of_8_bit_images_stores_no_pixel_range(classifier: Classifier, tmp_path: Path) -> None:
    folder = save_classifier(classifier, tmp_path / "model")
    assert "pixel_range" not in json.loads((folder / "classes.json").read_text())
    assert load_classifier(folder).pixel_range is None


def test_an_ensemble_has_one_pixel_range(classifier: Classifier) -> None:
    other = replace(classifier, pixel_range=PixelRange.of_bits(12))
    with pytest.raises(ModelError, match="by another range"):
        join([classifier, other])
    assert join([other, other]).pixel_range == other.pixel_range
