from dataclasses import replace

import numpy as np
import pytest

from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import recipe, squares
from tests.support.imagenet_names import fake_texts

SMALL = ("image_size=[32,32]",)


def test_no_image_changes_what_it_predicts_and_it_is_saved(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_texts(monkeypatch)
    plan, new = load_recipe("conse", overrides=SMALL), squares(3, seed=5)
    one, several = (train(plan, squares(n, seed=n), progress=False) for n in (1, 3))
    np.testing.assert_array_equal(one.predict(new), several.predict(new))
    assert float(one.network.head.temperature) == pytest.approx(0.08)  # type: ignore[arg-type, union-attr]
    monkeypatch.undo()  # a saved model needs no text encoder
    loaded = load_classifier(save_classifier(several, f"{tmp_path}/model"))
    np.testing.assert_array_equal(loaded.probabilities(new), several.probabilities(new))


@pytest.mark.parametrize(
    "backbone",
    [
        Part("pixels", {"size": 6}),
        Part("efficientnet_lite0", {"stride": 16}),
        Part("efficientnet_lite0", {"pretrained": False}),
        Part("concat", {"backbones": ("efficientnet_lite0", {"name": "pixels", "size": 6})}),
    ],
    ids=str,
)
def test_other_features_are_refused(backbone: Part) -> None:
    plan = replace(recipe("linear"), backbone=backbone, head=Part("conse"), stages=(), augment=())
    with pytest.raises(RecipeError, match="not read by an ImageNet classifier"):
        train(plan, squares(2), progress=False)
