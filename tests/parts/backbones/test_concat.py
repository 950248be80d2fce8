from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from handful.comparison.compare import compare
from handful.core.context import Context
from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.evaluation.evaluate import Protocol
from handful.parts import registry
from handful.recipes.load import from_toml
from handful.recipes.write import to_toml
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.train import train
from tests.support.datasets import context, squares

TEXT = """
image_size = [12, 12]
precision = "fp32"
[backbone]
name = "concat"
backbones = [{ name = "timm", model = "resnet10t" }, "pixels"]
[head]
name = "ridge"
"""


def sized(h: int, w: int) -> Context:
    made = context()
    return replace(made, recipe=replace(made.recipe, image_size=(h, w)))


def test_each_member_normalises_its_own_way_and_has_length_one() -> None:
    torch.manual_seed(0)
    both = registry.build(
        "backbones", Part("concat", {"backbones": ({"name": "timm", "model": "resnet10t"}, "pixels")}), sized(6, 8)
    )
    torch.manual_seed(0)
    alone = registry.build("backbones", Part("timm", {"model": "resnet10t"}), sized(6, 8))
    x = torch.rand(2, 3, 6, 8)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (alone.mean, alone.std))
    with torch.no_grad():
        found = both.network.eval()(x)[:, :, 0, 0]
        first = alone.network.eval()((x - mean) / std).mean(dim=(2, 3))
    unit = torch.nn.functional.normalize
    expected = torch.cat([unit(first), unit((x - 0.5).flatten(1) / 0.5)], dim=1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert both.channels == alone.channels + 3 * 6 * 8


def test_a_saved_model_is_built_without_its_members_weights(tmp_path: Path) -> None:
    recipe = from_toml(TEXT.replace('"pixels"', '{ name = "efficientnet_lite0" }'), where="two")
    assert from_toml(to_toml(recipe), where="again") == recipe
    classifier = train(recipe, squares(3), progress=False)
    folder = save_classifier(classifier, tmp_path / "model")
    bare = registry.without_weights("backbones", recipe.backbone)
    assert [dict(member.options).get("pretrained") for member in registry.members("backbones", bare)] == [False, False]
    test = squares(2, seed=1)
    found = load_classifier(folder).probabilities(test)
    np.testing.assert_allclose(found, classifier.probabilities(test), atol=1e-5)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ('["pixls", "pixels"]', "did you mean 'pixels'"),
        ('[{ name = "pixels", sise = 3 }, "pixels"]', "did you mean 'size'"),
        ('[{ size = 3 }, "pixels"]', "needs a name"),
        ("[]", "one or more"),
        ('"pixels"', "one or more"),
    ],
)
def test_wrong_members_are_one_clear_error(members: str, message: str) -> None:
    text = TEXT.replace('[{ name = "timm", model = "resnet10t" }, "pixels"]', members)
    with pytest.raises(RecipeError, match=message):
        registry.build_network(from_toml(text, where="x"), sized(6, 6))


@pytest.mark.parametrize("name", ["segmentation", "multitask", "deeplab"])
def test_heads_that_score_pixels_refuse_one_vector(name: str) -> None:
    backbone = registry.build("backbones", Part("pixels", {"size": 2}), context())
    with pytest.raises(RecipeError, match="one vector for the whole image"):
        registry.build("heads", Part(name), context(), backbone=backbone)


def test_a_search_chooses_among_backbones_and_what_they_make_together(tmp_path: Path) -> None:
    search = """
[search]
"backbone.backbones" = [["pixels"], [{ name = "pixels", size = 2 }], ["pixels", { name = "pixels", size = 2 }]]
"""
    text = TEXT.replace('[{ name = "timm", model = "resnet10t" }, "pixels"]', '["pixels"]') + search
    outcome = compare(
        [from_toml(text, where="choose")],
        squares(6),
        tmp_path / "out",
        trials=3,
        per_class=(4,),
        protocol=Protocol((0,)),
        progress=False,
        device="cpu",
    )
    (study,) = outcome.studies
    assert study.trials == 3
    assert study.failed == 0
    assert study.score is not None
