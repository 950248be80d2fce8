"""Propagation: which masks train the segmenter, what becomes of its prediction, and that hand masks do not leak."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handful.core.context import Context
from handful.core.dataset import Dataset, Mask, Sample
from handful.core.recipe import Part, Recipe, Stage
from handful.data.masks.quality import quality
from handful.errors import DataError, HandfulWarning, RecipeError
from handful.models.classifier import Classifier
from handful.parts import registry
from handful.parts.prepare.propagate_masks import MaskRules, propagate, run, segmentation_recipe
from handful.training.train import train
from tests.parts.prepare.color_segmenter import color_segmenter
from tests.support import datasets

CORNER = np.zeros((4, 6), dtype=bool)
CORNER[:2, :2] = True


def image(*pixels: tuple[float, float, float]) -> np.ndarray:
    """Rows of one colour each, 0..1: the segmenter's probabilities of red, green and blue."""
    rows = np.round(np.array(pixels) * 255).astype(np.uint8)
    return np.broadcast_to(rows.T[:, :, None], (3, len(pixels), 6)).copy()


# Row by row: sure red, red just ahead of background, green over red over background, background.
ROWS = image((0.9, 0.0, 0.0), (0.4, 0.22, 0.0), (0.3, 0.5, 0.0), (0.1, 0.1, 0.1))


def rows(mask: Mask | None) -> list[bool] | None:
    return None if mask is None else [bool(r.all()) for r in mask]


def one(label: int | None, **keep: Any) -> list[bool] | None:
    data = Dataset((Sample("a", ROWS, label),), datasets.CLASSES)
    got, _ = propagate(data, color_segmenter(size=(4, 6)), keep=(), rules=MaskRules(**keep))
    return rows(got.samples[0].mask)


class Trainer:
    """Stands in for training: remembers what it was given, and hands out a segmenter."""

    def __init__(self, *segmenters: Classifier) -> None:
        self.calls: list[tuple[Recipe, Dataset, int]] = []
        self.segmenters = segmenters or (color_segmenter(),)

    def __call__(self, recipe: Recipe, data: Dataset, seed: int) -> Classifier:
        self.calls.append((recipe, data, seed))
        return self.segmenters[min(len(self.calls), len(self.segmenters)) - 1]

    def context(self, seed: int = 0) -> Context:
        return replace(datasets.context(seed=seed), fit=self)


def prepare(context: Context, data: Dataset, **options: Any) -> Dataset:
    result: Dataset = registry.build("prepare", Part("propagate_masks", options), context)(data)
    return result


def strip(data: Dataset, positions: Sequence[int]) -> Dataset:
    samples = tuple(
        replace(s, mask=None, mask_source=None) if i in positions else s for i, s in enumerate(data.samples)
    )
    return replace(data, samples=samples)


# What becomes of a prediction


def test_the_papers_rule_takes_every_pixel_that_is_not_background() -> None:
    for label in (0, 1, 2, None):
        assert one(label) == [True, True, True, False]


def test_own_class_against_background() -> None:
    assert one(2, restrict="own") == [True, True, True, False]  # red
    assert one(1, restrict="own") == [False, False, True, False]  # green
    assert one(0, restrict="own") is None  # blue: nowhere, so the mask is dropped
    assert one(None, restrict="own") == [True, True, True, False]  # no label: any


def test_confidence() -> None:
    # 1 - background: 0.9, 0.62, 0.8, 0.3; red against background: 0.9, 0.51, 0.6, 0.13
    assert one(2, confidence=0.7) == [True, False, True, False]
    assert one(2, confidence=0.85) == [True, False, False, False]
    assert one(2, restrict="own", confidence=0.55) == [True, False, True, False]


def test_implausible_masks_are_dropped_and_reported() -> None:
    full, empty = image(*[(0.9, 0.0, 0.0)] * 4), image(*[(0.0, 0.0, 0.0)] * 4)
    samples = (Sample("full", full, 2, CORNER, "hand"), Sample("empty", empty, 2), Sample("good", ROWS, 2))
    data = Dataset(samples, datasets.CLASSES)
    got, report = propagate(data, color_segmenter(size=(4, 6)), keep=())
    assert [s.mask is not None for s in got.samples] == [False, False, True]
    assert report.dropped == (("full", 1.0), ("empty", 0.0))
    assert report.propagated == ("good",)
    assert "all" not in report.quality  # the only mask to compare with belongs to a dropped one
    _, report = propagate(data, color_segmenter(size=(4, 6)), keep=(), rules=MaskRules(max_share=0.7))
    assert report.dropped[-1] == ("good", 0.75)
    _, report = propagate(data, color_segmenter(size=(4, 6)), keep=(), rules=MaskRules(min_share=0.75))
    assert report.propagated == ()


def test_masks_come_back_at_the_images_own_size() -> None:
    large = np.kron(ROWS, np.ones((1, 5, 3), dtype=np.uint8))
    data = Dataset((Sample("a", large, 2), Sample("b", ROWS, 2)), datasets.CLASSES)
    got, _ = propagate(data, color_segmenter(size=(4, 6)), keep=())
    assert [s.mask.shape for s in got.samples if s.mask is not None] == [(20, 18), (4, 6)]
    assert rows(got.samples[0].mask) == [True] * 15 + [False] * 5


def test_quality_is_measured_on_the_masks_that_were_there() -> None:
    truth = np.zeros((4, 6), dtype=bool)
    truth[:2] = True
    samples = (
        Sample("kept", ROWS, 2, CORNER, "hand"),
        Sample("held out", ROWS, 2, truth, "hand"),
        Sample("guessed before", ROWS, 1, CORNER, "propagated"),
        Sample("new", ROWS, 1),
    )
    got, report = propagate(Dataset(samples, datasets.CLASSES), color_segmenter(size=(4, 6)), keep={"kept"})
    assert report.kept == ("kept",)
    assert got.samples[0].mask is CORNER
    assert list(report.quality) == ["red", "all"]
    assert report.quality["all"].images == 1
    assert report.quality["red"].iou == pytest.approx(2 / 3)
    assert report.quality["red"].dice == pytest.approx(4 / 5)
    assert [s.mask_source for s in got.samples] == ["hand", "propagated", "propagated", "propagated"]


def test_other_classes_propagate_too_but_not_by_own_class() -> None:
    data = Dataset((Sample("a", ROWS, 0),), ("ant", "bee"))
    got, _ = propagate(data, color_segmenter(size=(4, 6)), keep=())
    assert rows(got.samples[0].mask) == [True, True, True, False]
    assert got.samples[0].label == 0
    with pytest.raises(RecipeError, match="knows the image's class"):
        propagate(data, color_segmenter(), keep=(), rules=MaskRules(restrict="own"))


# What the segmenter learns from


def test_every_mask_is_kept_and_learned_from_by_default() -> None:
    data = strip(datasets.squares(4), [1, 6])
    trainer = Trainer()
    got = prepare(trainer.context(seed=5), data)
    ((_, seen, seed),) = trainer.calls
    assert seed == 5
    assert set(seen.ids) == {s.id for s in data.samples if s.mask is not None}
    assert [s.mask_source for s in got.samples] == ["propagated" if i in (1, 6) else "hand" for i in range(12)]
    assert all(new.mask is old.mask for new, old in zip(got.samples, data.samples, strict=True) if old.mask is not None)
    truth = datasets.squares(4)
    assert quality(got.select([1, 6]), truth)["all"].iou == 1


def test_nothing_is_trained_when_nothing_is_missing() -> None:
    trainer = Trainer()
    data = datasets.squares(2)
    assert prepare(trainer.context(), data) is data
    assert prepare(trainer.context(), data, per_class=2) is data
    assert trainer.calls == []


def test_only_the_drawn_masks_are_used_and_the_others_never_seen() -> None:
    data = datasets.squares(5)
    trainer = Trainer()
    got, report = run(trainer.context(seed=1), data, per_class=2)
    ((_, seen, _),) = trainer.calls
    assert np.bincount(seen.labels).tolist() == [2, 2, 2]
    assert set(seen.ids) == set(report.kept)
    assert len(report.propagated) == 9
    assert report.quality["all"].images == 9
    # Other hand masks, or none, for those not drawn: the same segmenter, the same result.
    spoiled = replace(
        data,
        samples=tuple(s if s.id in report.kept else replace(s, mask=np.eye(12) > 0) for s in data.samples),
    )
    trainer = Trainer()
    again, _ = run(trainer.context(seed=1), spoiled, per_class=2)
    assert trainer.calls[0][1].ids == seen.ids
    for a, b in zip(again.samples, got.samples, strict=True):
        assert a.mask is not None
        assert b.mask is not None
        assert (a.mask == b.mask).all()


def test_a_hand_mask_that_was_not_drawn_is_gone_even_where_the_prediction_is_dropped() -> None:
    black = np.zeros((3, 12, 12), dtype=np.uint8)
    data = datasets.squares(2)
    data = replace(data, samples=tuple(replace(s, image=black) for s in data.samples))
    with pytest.warns(HandfulWarning, match="propagate_masks: 3 masks were implausible"):
        got = prepare(Trainer().context(), data, per_class=1)
    assert sum(s.mask is not None for s in got.samples) == 3


def test_draws_differ_with_the_seed_and_not_with_the_order() -> None:
    data = datasets.squares(6)
    kept = {seed: set(run(Trainer().context(seed), data, per_class=2)[1].kept) for seed in range(5)}
    assert len({frozenset(k) for k in kept.values()}) > 1
    turned = data.select(range(len(data) - 1, -1, -1))
    assert set(run(Trainer().context(3), turned, per_class=2)[1].kept) == kept[3]


def test_a_class_with_fewer_masks_gives_what_it_has() -> None:
    data = strip(datasets.squares(4), [0, 1, 2])
    _, report = run(Trainer().context(), data, per_class=3)
    assert len(report.kept) == 1 + 3 + 3


def test_unlabelled_images_get_a_mask_but_teach_nothing() -> None:
    data = datasets.squares(2)
    marked = replace(data.samples[0], id="marked", label=None)
    bare = replace(data.samples[1], id="bare", label=None, mask=None, mask_source=None)
    data = replace(data, samples=(*data.samples, marked, bare))
    trainer = Trainer()
    got = prepare(trainer.context(), data)
    assert not {"marked", "bare"} & set(trainer.calls[0][1].ids)
    assert [s.mask_source for s in got.samples[-2:]] == ["hand", "propagated"]
    assert [s.label for s in got.samples[-2:]] == [None, None]
    got = prepare(trainer.context(), data, per_class=1)
    assert [s.mask_source for s in got.samples[-2:]] == ["propagated", "propagated"]


def test_a_second_round_learns_from_the_first() -> None:
    data = datasets.squares(3)
    blind = color_segmenter()
    trainer = Trainer(color_segmenter(), blind)
    got, report = run(trainer.context(seed=7), data, per_class=1, rounds=2)
    assert [(len(seen), seed) for _, seen, seed in trainer.calls] == [(3, 7), (9, 8)]
    second = {s.id: s for s in trainer.calls[1][1].samples}
    for sample in data.samples:
        wanted = "hand" if sample.id in report.kept else "propagated"
        assert second[sample.id].mask_source == wanted
    assert report.quality["all"].images == 6  # measured against the hand masks, not against the first round
    assert len(report.propagated) == 6
    assert [s.mask_source for s in got.samples].count("hand") == 3


def test_no_mask_at_all() -> None:
    with pytest.raises(DataError, match="no labelled image has a mask"):
        prepare(Trainer().context(), datasets.squares(2, masks=False))


# Where the segmenter comes from


def test_a_saved_segmenter() -> None:
    loaded: list[Path] = []

    def load(folder: Path) -> Classifier:
        loaded.append(folder)
        return color_segmenter(("x", "y", "z"))

    trainer = Trainer()
    context = replace(trainer.context(), load=load)
    got = prepare(context, datasets.squares(2, masks=False), model="models/seg-10")
    assert loaded == [Path("models/seg-10")]
    assert trainer.calls == []
    assert all(s.mask_source == "propagated" for s in got.samples)
    got = prepare(context, datasets.squares(2), model="models/seg-10", per_class=0, rounds=2)
    assert all(s.mask_source == "propagated" for s in got.samples)
    assert len(trainer.calls) == 1  # the second round trains on this data's own classes
    assert len(trainer.calls[0][1]) == 6


def test_the_segmenters_recipe_is_the_recipe_with_its_pixel_losses_only() -> None:
    pixel = Part("pixel_cross_entropy", {"foreground": 0.5})
    stages = (
        Stage(losses=(Part("cross_entropy", weight=0.5), pixel), steps=3),
        Stage(losses=(Part("cross_entropy"),), steps=4),
    )
    own = replace(datasets.recipe(), stages=stages, prepare=(Part("propagate_masks"),), posthoc=(Part("temperature"),))
    got = segmentation_recipe(replace(datasets.context(), recipe=own), None)
    assert [stage.losses for stage in got.stages] == [(pixel,), (Part("pixel_cross_entropy"),)]
    assert [stage.steps for stage in got.stages] == [3, 4]
    assert (got.prepare, got.posthoc) == ((), ())
    assert (got.head, got.backbone, got.batch_size) == (own.head, own.backbone, own.batch_size)


def test_a_named_recipe() -> None:
    got = segmentation_recipe(datasets.context("linear"), "cvs-wrn")
    assert got.name == "cvs-wrn"
    assert got.prepare == ()
    with pytest.raises(RecipeError, match="does not segment"):
        segmentation_recipe(datasets.context("linear"), None)


NOT_SEGMENTING = sorted(set(registry.names("heads")) - set(registry.names_with("heads", "segments")))


@pytest.mark.parametrize("options", [{}, {"recipe": "other"}, {"rounds": 2, "model": "m"}], ids=str)
@pytest.mark.parametrize("head", NOT_SEGMENTING)
def test_heads_that_do_not_segment_are_refused_before_anything_is_trained(head: str, options: dict[str, Any]) -> None:
    trainer = Trainer()
    recipe = replace(datasets.recipe("linear"), head=Part(head))
    context = replace(trainer.context(), recipe=recipe, named=lambda _: recipe, load=lambda _: color_segmenter())
    with pytest.raises(RecipeError, match=f"head '{head}' does not segment, so it cannot propagate masks"):
        registry.build("prepare", Part("propagate_masks", options), context)
    with pytest.raises(RecipeError, match="does not segment"):
        run(context, datasets.squares(2), per_class=1, recipe=options.get("recipe"))
    assert trainer.calls == []
    without = registry.build("prepare", Part("propagate_masks", {"model": "m"}), context)(datasets.squares(2))
    assert len(without) == 6


@pytest.mark.parametrize(
    "options",
    [
        {"restrict": "mine"},
        {"confidence": 1.5},
        {"min_share": 0.5, "max_share": 0.4},
        {"rounds": 0},
        {"per_class": 0},
        {"per_class": -1, "model": "m"},
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match="prepare/propagate_masks"):
        registry.build("prepare", Part("propagate_masks", options), datasets.context())


def test_quality_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="handful"):
        prepare(Trainer().context(), datasets.squares(3), per_class=1)
    assert "propagated masks, all: IoU 1.000, Dice 1.000 over 6 images" in caplog.text


@pytest.mark.filterwarnings("ignore:propagate_masks")
def test_trained_for_real_inside_training() -> None:
    data = datasets.squares(4)

    def fit(recipe: Recipe, few: Dataset, seed: int) -> Classifier:
        return train(recipe, few, seed=seed, device="cpu", progress=False)

    context = replace(datasets.context(), fit=fit, recipe=datasets.recipe("segmentation", "steps=60"))
    after, report = run(context, data, per_class=2)
    assert report.quality["all"].images == 6
    assert report.quality["all"].iou > 0.4  # calling everything foreground gives 0.25
    recipe = replace(datasets.recipe(), prepare=(Part("propagate_masks", {"per_class": 2}),))
    classifier = train(recipe, strip(data, [3]), seed=0, device="cpu", progress=False)
    assert classifier.predict(after).shape == (12,)


def test_renewal_replaces_the_masks_of_an_earlier_propagation_only() -> None:
    data = datasets.squares(3)
    old = np.zeros((12, 12), dtype=bool)
    old[0, 0] = True
    changed = {"blue/0-0.png": (old, "propagated"), "red/0-0.png": (None, None)}
    samples = [
        replace(s, mask=changed[s.id][0], mask_source=changed[s.id][1]) if s.id in changed else s for s in data.samples
    ]
    after, report = run(Trainer().context(), replace(data, samples=tuple(samples)), renew=True)
    masks = {s.id: s for s in after.samples}
    assert report.propagated == ("blue/0-0.png",)
    assert masks["blue/0-0.png"].mask_source == "propagated"
    assert not np.array_equal(np.asarray(masks["blue/0-0.png"].mask), old)
    assert masks["red/0-0.png"].mask is None
    assert masks["red/0-1.png"].mask_source == "hand"
    assert set(report.learned) == {s.id for s in data.samples} - set(changed)


def test_the_segmenter_learns_from_the_classes_that_have_masks() -> None:
    data, trainer = datasets.squares(2), Trainer()
    samples = (replace(s, mask=None, mask_source=None) if s.label == 1 else s for s in data.samples)
    run(trainer.context(), replace(data, samples=tuple(samples)))
    (_, known, _), *_ = trainer.calls
    assert known.classes == ("blue", "red")
    assert [s.label for s in known.samples] == [0, 0, 1, 1]


def test_a_recipe_that_learns_without_masks_is_given_all_images_and_no_other_mask() -> None:
    plan = datasets.recipe("segmentation", 'augment=[{name="copy_paste"}]', "ema=0.9")
    data = strip(datasets.squares(4), (1, 5))
    trainer = Trainer()
    _, report = run(replace(trainer.context(), recipe=plan), data, per_class=1)
    _, given, _ = trainer.calls[0]
    assert sorted(given.ids) == sorted(data.ids)
    assert sum(s.mask is not None for s in given.samples) == 3
    assert sorted(report.learned) == sorted(data.ids)
    trainer = Trainer()
    _, report = run(replace(trainer.context(), recipe=replace(plan, ema=None)), data, per_class=1)
    assert len(trainer.calls[0][1]) == len(report.learned) == 3


def test_the_segmenter_gets_no_candidates_which_are_of_all_classes() -> None:
    """Of the classes that have masks there may be fewer: candidates would be of other classes, or of too many."""
    plan = datasets.recipe("segmentation", 'augment=[{name="copy_paste"}]', "ema=0.9")
    data, trainer = strip(datasets.squares(2), (2, 3)), Trainer()  # no green square has a mask
    among = Sample("among", data.samples[0].image, candidates=np.array([True, True, False]))
    run(replace(trainer.context(), recipe=plan), replace(data, samples=(*data.samples, among)))
    (_, given, _), *_ = trainer.calls
    assert given.classes == ("blue", "red")
    assert "among" in given.ids
    assert not given.has_candidates
