import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.core.dataset import Dataset
from handful.core.pixel_range import PixelRange
from handful.data.arrays import from_arrays, image_samples
from handful.errors import HandfulWarning, ModelError, OutputError
from handful.models.classifier import Classifier
from handful.models.ensemble import join
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import recipe, squares
from tests.support.time_limit import without_long_work


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
    with pytest.raises(
        ModelError, match=r"(?s)classes\.json: this model is damaged or foreign: Expecting.*copy it again"
    ):
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


HOSTILE: tuple[Any, ...] = (
    float("inf"),
    float("nan"),
    10**9,
    10**30,
    -1,
    1.5,
    True,
    None,
    "text",
    [],
    {},
    [[[]]],
    ["a", "b", "c"],
    {"a": 1},
    [10**9, 10**9],
)


@pytest.mark.parametrize("file", ["classes.json", "card.json"])
def test_no_value_of_a_strangers_folder_stalls_or_raises_another_error(
    classifier: Classifier, tmp_path: Path, file: str
) -> None:
    """Values that are as good as the saved ones load; the others are refused, all at once."""
    card = {"seconds": 1.0, "steps": 3, "images_per_class": {"a": 1}, "calibration": {"coverage_images": 9}, "data": {}}
    folder = save_classifier(replace(classifier, card=card), tmp_path / "model")
    load_classifier(folder)
    described = json.loads((folder / file).read_text())
    nested = [(outer, inner) for outer, table in described.items() if isinstance(table, dict) for inner in table]
    changes = [{**described, key: value} for key in described for value in HOSTILE]
    changes += [
        {**described, outer: {**described[outer], inner: value}} for outer, inner in nested for value in HOSTILE
    ]
    refused = 0
    start = time.process_time()
    for change in changes:
        (folder / file).write_text(json.dumps(change))
        try:
            load_classifier(folder)
        except ModelError:
            refused += 1
    assert refused > 0.6 * len(changes)
    assert time.process_time() - start < 0.5 * len(changes)


def test_a_strangers_recipe_and_posthoc_parts_are_refused_at_once(classifier: Classifier, tmp_path: Path) -> None:
    folder = save_classifier(classifier, tmp_path / "model")
    described = json.loads((folder / "classes.json").read_text())
    recipe = (folder / "recipe.toml").read_text()
    assert "depth = 10" in recipe
    for text in (
        recipe.replace("depth = 10", "depth = 1000000000"),
        recipe.replace("depth = 10", "depth = 1000"),
        recipe.replace("depth = 10", "depth = 10\nwidth = 1000") if "width" not in recipe else recipe + "\nx = inf",
        'extends = "classification-wrn"',
        "a." * 50_000 + "a = 1",
        "\0",
    ):
        (folder / "recipe.toml").write_text(text)
        _refused_at_once(folder)
    (folder / "recipe.toml").write_text(recipe)
    wraps: tuple[Any, ...] = (
        {"name": "conformal", "images": 10**9, "folds": 10**9},
        {"name": "conformal", "images": 10**9, "classes": 10**9},
        {"name": "conformal", "folds": 1000, "images": "many"},
        {"name": "out_of_distribution", "points": 10**9, "rank": 10**6, "features": 10**6},
        {"name": "class_means", "classes": 10**9, "features": 10**9},
        {"name": "loki", "classes": 10**6},
        {"name": "logit_adjustment", "shift": [[]]},
        {"name": "temperature", "temperature": [1]},
        {"name": ["temperature"]},
        [],
        "tta",
    )
    for wrap in wraps:
        (folder / "classes.json").write_text(json.dumps({**described, "wraps": [wrap]}))
        _refused_at_once(folder)
    (folder / "classes.json").write_text(json.dumps({**described, "wraps": [{"name": "tta"}] * 200}))
    _refused_at_once(folder)
    for text in ("[" * 100_000 + "]" * 100_000, "[]", "9" * 10_000, '{"a": ' * 500 + "1" + "}" * 500):
        (folder / "classes.json").write_text(text)
        _refused_at_once(folder)


def _refused_at_once(folder: Path) -> None:
    with pytest.raises(ModelError, match="damaged or foreign"):  # imports the parts
        load_classifier(folder)
    with without_long_work(), pytest.raises(ModelError, match="damaged or foreign"):
        load_classifier(folder)
