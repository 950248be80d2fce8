"""Test-time augmentation against a loop over torchvision's crops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as V

from handful.core.recipe import Part
from handful.data.in_memory import chunks
from handful.errors import ModelError, RecipeError
from handful.models.classifier import Classifier
from handful.models.ensemble import Ensemble, join
from handful.parts import registry
from handful.parts.posthoc.tta import over_views
from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.support.classifiers import untrained
from tests.support.datasets import context, numbered_squares, several_squares, squares

DATA = squares(2, seed=5, size=20)


def images(size: tuple[int, int]) -> Tensor:
    return next(chunks(DATA.samples, size=size, resize="squash", length=99)).float() / 255


def by_hand(plain: Classifier, views: list[Tensor]) -> np.ndarray:
    rows = []
    for i in range(len(DATA)):
        each = [plain.network(view[i : i + 1]).logits.softmax(dim=1)[0].detach().numpy() for view in views]
        rows.append(np.mean(each, axis=0))
    return np.array(rows)


@pytest.mark.parametrize(("size", "large"), [((12, 12), (14, 14)), ((12, 9), (14, 10))])
def test_ten_crop_is_the_mean_over_torchvisions_crops(size: tuple[int, int], large: tuple[int, int]) -> None:
    plain = untrained(size=size)
    after = over_views(plain)
    assert after.size == large
    crops = list(V.ten_crop(images(large), list(size)))
    assert len(crops) == 10
    np.testing.assert_allclose(after.probabilities(DATA), by_hand(plain, crops), atol=1e-5)
    five = over_views(plain, views="five_crop")
    np.testing.assert_allclose(five.probabilities(DATA), by_hand(plain, crops[:5]), atol=1e-5)


def test_flip_is_the_mean_of_image_and_mirror_image_and_so_are_its_maps() -> None:
    plain = untrained("segmentation")
    after = over_views(plain, views="flip")
    assert after.size == plain.size
    whole = images((12, 12))
    np.testing.assert_allclose(after.probabilities(DATA), by_hand(plain, [whole, whole.flip(-1)]), atol=1e-5)
    with torch.no_grad():
        one, other = (plain.network(x).pixels.softmax(dim=1) for x in (whole, whole.flip(-1)))
    expected = ((one + other.flip(-1)) / 2).numpy()
    np.testing.assert_allclose(np.stack(list(after.maps(DATA))), expected, atol=1e-5)


@pytest.mark.parametrize("side", [7, 12, 28, 32, 84, 128, 224])
@pytest.mark.parametrize("crop", [0.5, 0.7, 0.875, 0.9, 1.0])
def test_a_crop_has_the_size_that_was_trained_at(side: int, crop: float) -> None:
    after = over_views(untrained(size=(side, side)), crop=crop)
    assert after.network.window(after.size) == (side, side)  # type: ignore[operator]


def test_of_an_ensemble_every_member_is_asked() -> None:
    members = [untrained(seed=0), untrained(seed=1, size=(16, 16))]
    after = over_views(join(members, [3, 1]))
    assert isinstance(after, Ensemble)
    assert after.size == (18, 18)
    hand = [over_views(m).probabilities(DATA) for m in members]
    np.testing.assert_allclose(after.probabilities(DATA), (3 * hand[0] + hand[1]) / 4, atol=1e-6)


def test_refusals() -> None:
    with pytest.raises(ModelError, match=r"already averages over views \(flip\)"):
        over_views(over_views(untrained(), views="flip"))
    for options, word in (({"views": "six_crop"}, "views"), ({"crop": 0.0}, "crop"), ({"crop": True}, "crop")):
        with pytest.raises(RecipeError, match=word):
            registry.build("posthoc", Part("tta", options), context())


@pytest.mark.parametrize("kind", ["multilabel", "number"])
def test_views_of_several_labels_or_numbers_are_averaged_as_these(kind: str) -> None:
    data = several_squares(40) if kind == "multilabel" else numbered_squares(40)
    plan = load_recipe("ridge", overrides=("backbone.name=pixels", "image_size=[12,12]"))
    plain = train(plan, data, device="cpu", progress=False)
    mirrored = replace(
        data, samples=tuple(replace(s, image=np.asarray(s.image)[..., ::-1].copy()) for s in data.samples)
    )
    expected = (plain.probabilities(data) + plain.probabilities(mirrored)) / 2
    np.testing.assert_allclose(over_views(plain, views="flip").probabilities(data), expected, rtol=1e-4, atol=1e-5)


def test_thresholds_were_chosen_without_views() -> None:
    plan = load_recipe("ridge", overrides=("backbone.name=pixels", "image_size=[12,12]"))
    trained = train(replace(plan, posthoc=(Part("thresholds"),)), several_squares(40), device="cpu", progress=False)
    with pytest.raises(ModelError, match="thresholds, sets or rejection were calibrated without views"):
        over_views(trained)
    both = replace(plan, posthoc=(Part("tta", {"views": "flip"}), Part("thresholds", {"folds": 2})))
    assert train(both, several_squares(40), device="cpu", progress=False).wrapped_by("tta").kind == "multilabel"
