from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from handful.core.kind import Kind
from handful.data.fingerprint import TRAINED_ON, pack_digests, unpack_digests
from handful.errors import ModelError
from handful.models.ensemble import KINDS, join
from handful.parts.posthoc.tta import over_views
from tests.support.classifiers import mean_colour, untrained
from tests.support.datasets import squares

DATA = squares(3, seed=2, size=20)


def test_probabilities_and_maps_are_the_weighted_means() -> None:
    members = [untrained("segmentation", seed=s) for s in range(3)]
    joined = join(members, [3, 1, 1])
    hand = [m.probabilities(DATA) for m in members]
    expected = (3 * hand[0] + hand[1] + hand[2]) / 5
    np.testing.assert_allclose(joined.probabilities(DATA), expected, atol=1e-6)
    np.testing.assert_array_equal(joined.predict(DATA), expected.argmax(axis=1))
    maps = [np.stack(list(m.maps(DATA))) for m in members]
    np.testing.assert_allclose(np.stack(list(joined.maps(DATA))), (3 * maps[0] + maps[1] + maps[2]) / 5, atol=1e-6)


def test_an_ensemble_has_seen_what_its_members_saw_unless_one_does_not_say() -> None:
    members = [untrained(seed=s) for s in range(2)]
    cards = [{TRAINED_ON: pack_digests({digest * 12})} for digest in "ab"]
    known = [replace(m, card=card) for m, card in zip(members, cards, strict=True)]
    assert unpack_digests(join(known).card[TRAINED_ON]) == {"a" * 12, "b" * 12}
    assert join([known[0], members[1]]).card[TRAINED_ON] is None


def test_each_member_sees_images_at_its_own_size() -> None:
    small, large = untrained(size=(8, 8)), untrained(seed=1, size=(16, 10))
    joined = join([small, large])
    expected = (small.probabilities(DATA) + large.probabilities(DATA)) / 2
    np.testing.assert_allclose(joined.probabilities(DATA), expected, atol=1e-6)
    assert joined.size == (16, 10)


def test_images_in_memory_are_predicted_alike() -> None:
    joined = join([mean_colour(), mean_colour(size=(8, 8))])
    images = torch.rand(4, 3, 12, 12)
    probabilities = joined.of_images(images).logits.softmax(dim=1)
    torch.testing.assert_close(probabilities, (images.mean(dim=(2, 3)) * 10).softmax(dim=1), atol=0.02, rtol=0)


def test_maps_need_every_member_to_segment_and_to_resize_alike() -> None:
    mixed = join([untrained("segmentation"), untrained("linear")])
    with pytest.raises(ModelError, match=r"(?s)no pixel maps.*each member"):
        next(mixed.maps(DATA))
    one = untrained("segmentation")
    padded = replace(one, recipe=replace(one.recipe, resize="pad"))
    with pytest.raises(ModelError, match="no pixel maps"):
        next(join([one, padded]).maps(DATA))
    sizes = join([one, untrained("segmentation", seed=1, size=(16, 16))])
    assert next(sizes.maps(DATA)).shape == (4, 16, 16)


def test_ensembles_of_ensembles_and_of_views() -> None:
    a, b, c = (untrained(seed=s) for s in range(3))
    nested = join([join([a, b]), over_views(c)], [2, 1])
    expected = (a.probabilities(DATA) + b.probabilities(DATA) + over_views(c).probabilities(DATA)) / 3
    np.testing.assert_allclose(nested.probabilities(DATA), expected, atol=1e-6)


def test_models_of_other_classes_are_refused() -> None:
    other = replace(untrained(), classes=("blue", "green", "white"))
    with pytest.raises(ModelError, match=r"model 2 .*: its classes differ: red missing; white too many"):
        join([untrained(), other])
    turned = replace(untrained(), classes=("green", "blue", "red"))
    with pytest.raises(ModelError, match="another order"):
        join([untrained(), turned])
    with pytest.raises(ModelError, match="two models"):
        join([untrained()])


def test_models_of_bags_are_refused_together_and_beside_others() -> None:
    bags = replace(untrained("linear"), kind="bag")
    for members in ([bags, bags], [bags, untrained("linear")], [untrained("linear"), bags]):
        with pytest.raises(ModelError, match="was trained on bags"):
            join(members)


def test_every_kind_of_data_has_its_words_in_what_is_refused() -> None:
    assert set(KINDS) == set(get_args(Kind))
    several = replace(untrained("linear"), kind="multilabel")
    with pytest.raises(ModelError, match="trained on several labels per image, and the first model on one label per"):
        join([untrained("linear"), several])


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, float("nan")]])
def test_weights_that_do_not_fit(weights: list[float]) -> None:
    with pytest.raises(ModelError, match="do not fit 2 models"):
        join([untrained(), untrained()], weights)


def test_to_another_device_moves_every_member() -> None:
    joined = join([untrained(), untrained(seed=1)])
    moved = joined.to("cpu")
    assert moved.device == torch.device("cpu")
    np.testing.assert_array_equal(moved.probabilities(DATA), joined.probabilities(DATA))
