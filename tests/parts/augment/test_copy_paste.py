"""Copy-paste against a loop over images, and the mean teacher's labels where there is no mask."""

from dataclasses import replace

import pytest
import torch

from handful.core.context import Context
from handful.core.recipe import Part
from handful.core.tensors import IGNORE, Batch, Output
from handful.errors import RecipeError
from handful.parts.augment.copy_paste import _paired
from handful.recipes.checks import check
from handful.recipes.load import load_recipe
from handful.training.train import train
from tests.parts.augment._support import apply, constant_images
from tests.parts.augment.conftest import make_batch, seeded
from tests.support.datasets import recipe, squares

PASTE = 'augment=[{name="noise",std=0.1},{name="copy_paste",rise=0.0}]'


def with_teacher(batch: Batch, progress: float = 1.0) -> Batch:
    """A teacher whose best class is the last one everywhere, then the second, then any other; background is worst."""
    n, _, h, w = batch.images.shape
    k = batch.targets.shape[1]
    scores = torch.zeros(n, k + 1, h, w)
    scores[:, 0], scores[:, 2], scores[:, k] = -1.0, 1.0, 2.0
    nothing = torch.zeros(n, k)
    return replace(batch, progress=progress, teacher_output=Output(nothing, nothing, nothing, scores))


def test_an_object_comes_with_its_pixels_and_their_labels(context: Context) -> None:
    batch = make_batch(8)
    result = apply(context, "copy_paste", batch, probability=1.0)
    changed = 0
    for i in range(8):
        moved = (result.images[i] != batch.images[i]).any(dim=0)
        if not moved.any():
            continue
        changed += 1
        donors = [j for j in range(8) if torch.equal(result.images[i][:, moved], batch.images[j][:, moved])]
        assert len(donors) == 1
        assert torch.equal(moved, batch.pixel_labels[donors[0]] > 0)
        expected = torch.where(moved, batch.pixel_labels[donors[0]], batch.pixel_labels[i])
        assert torch.equal(result.pixel_labels[i], expected)
        share = float(moved.float().mean())
        expected_target = (1 - share) * batch.targets[i] + share * batch.targets[donors[0]]
        torch.testing.assert_close(result.targets[i], expected_target)
    assert changed == 7  # the last image has no mask, so its partner gets nothing
    assert result.pixel_weights is None


def test_a_box_lies_inside_and_has_two_thirds_of_each_side(context: Context) -> None:
    result = apply(context, "copy_paste", constant_images(20, 30, 45), paste="box", probability=1.0)
    for i in range(20):
        values = (result.images[i, 0] * 100).round().long()
        assert torch.equal(values, result.pixel_labels[i] - 1)
        inside = values != i
        assert (int(inside.any(dim=1).sum()), int(inside.any(dim=0).sum())) == (20, 30)
        assert inside.sum() == 600


def test_images_with_and_without_a_mask_are_each_others_partners() -> None:
    has_mask = torch.tensor([True, False, False, True, False])
    for seed in range(5):
        partner = _paired(has_mask, seeded(seed))
        for i in (0, 3):
            assert not has_mask[partner[i]]
            assert partner[partner[i]] == i
        assert has_mask[partner[~has_mask]].all()
    assert sorted(_paired(torch.ones(4, dtype=torch.bool), seeded(0)).tolist()) == [0, 1, 2, 3]


def test_the_teacher_labels_images_without_a_mask_by_background_and_their_own_class(context: Context) -> None:
    batch = make_batch(4)
    labels = torch.tensor([0, 1, 1, -1])
    maps = batch.pixel_labels.clone()
    maps[2:] = IGNORE
    batch = with_teacher(replace(batch, labels=labels, pixel_labels=maps))
    result = apply(context, "copy_paste", batch, probability=0.0)
    assert torch.equal(result.images, batch.images)
    assert torch.equal(result.pixel_labels[:2], maps[:2])
    assert (result.pixel_labels[2] == 2).all()  # its own class, though the teacher would rather say another
    assert (result.pixel_labels[3] == 3).all()  # no label: the best of all classes
    assert result.pixel_weights is not None
    assert result.pixel_weights[:, 0, 0].tolist() == [1.0, 1.0, 0.5, 0.5]
    assert result.teacher_output is None  # it speaks of the images before


def test_guessed_pixels_take_their_weight_along_and_it_rises(context: Context) -> None:
    batch = constant_images(6, 12, 12)
    batch.pixel_labels[::2] = IGNORE
    for progress, factor in ((0.15, 0.25), (0.3, 0.5), (0.9, 0.5)):
        result = apply(context, "copy_paste", with_teacher(batch, progress), paste="box", probability=1.0)
        values = (result.images[:, 0] * 100).round().long()
        assert result.pixel_weights is not None
        torch.testing.assert_close(result.pixel_weights, torch.where(values % 2 == 0, factor, 1.0))
        assert (result.pixel_labels == values + 1).all()
    result = apply(context, "copy_paste", with_teacher(batch, 0.0), paste="box", probability=1.0)
    assert result.pixel_weights is None
    assert torch.equal(result.pixel_labels == IGNORE, (result.images[:, 0] * 100).round().long() % 2 == 0)


def test_it_comes_last_and_a_head_that_is_asked_segments() -> None:
    check(recipe("segmentation", PASTE, "ema=0.9"))
    check(recipe("linear", PASTE))
    with pytest.raises(RecipeError, match="augment/copy_paste must come last"):
        check(recipe("segmentation", 'augment=[{name="copy_paste"},{name="flip"}]'))
    with pytest.raises(RecipeError, match="head 'linear' gives none"):
        check(recipe("linear", PASTE, "ema=0.9"))
    with pytest.raises(RecipeError, match="cannot be combined with cache_views"):
        load_recipe("cvs", overrides=['augment=[{name="copy_paste"}]'])


def test_a_segmenter_learns_from_images_without_a_mask() -> None:
    data = squares(4)
    some = tuple(s if i % 4 == 0 else replace(s, mask=None, mask_source=None) for i, s in enumerate(data.samples))
    data = replace(data, samples=some)
    plan = recipe("segmentation", PASTE, "ema=0.9", "steps=12", "stages.0.sampler=masks")
    one, again = (train(plan, data, seed=0, progress=False) for _ in range(2))
    without = train(
        replace(plan, augment=(*plan.augment[:1], Part("copy_paste", {"guessed": 0.0}))), data, progress=False
    )
    scores, same, other = (next(iter(c.maps(data))) for c in (one, again, without))
    assert (scores == same).all()
    assert (scores != other).any()
