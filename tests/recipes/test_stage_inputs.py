"""What a stage's losses are given is what they read: views, unlabelled images and a teacher, or one clear error."""

from dataclasses import replace

import pytest

from handful.core.recipe import Recipe, Stage, View
from handful.errors import RecipeError
from handful.evaluation.operations import training_flops
from handful.recipes.bounds import check_values
from handful.recipes.checks import check
from handful.recipes.load import from_toml, load_recipe
from handful.recipes.options import options_of
from handful.recipes.write import fingerprint, to_toml
from handful.training.train import train
from tests.support.datasets import recipe, squares
from tests.support.two_streams import two_streams


def test_views_and_streams_survive_the_way_to_text() -> None:
    plan = two_streams()
    assert from_toml(to_toml(plan), where="tiny") == plan
    assert [view.of for view in plan.stages[0].views] == ["unlabelled", "all"]
    assert [view.source for view in plan.stages[0].views] == ["image", "first_view"]
    assert plan.stages[0].unlabelled == 2.0


def test_they_are_in_the_fingerprint_only_where_they_are_given() -> None:
    plain = to_toml(recipe("linear"))
    assert "stages.views" not in plain
    assert "unlabelled" not in plain
    seen = {fingerprint(two_streams(*change)) for change in ((), ("stages.0.unlabelled=3.0",))}
    seen |= {fingerprint(two_streams("stages.0.views.0.augment.0.std=0.1")), fingerprint(recipe("linear"))}
    assert len(seen) == 4


def test_former_names_are_read_in_views_too() -> None:
    plan = two_streams('stages.0.views.0.augment=[{name="colour"}]')
    assert plan.stages[0].views[0].augment[0].name == "color_jitter"
    assert from_toml(to_toml(plan), where="tiny") == plan


def test_options_of_views_can_be_tuned() -> None:
    known = options_of(two_streams())
    assert known["stages.0.views.0.augment.0.std"] == 0.2
    assert known["stages.0.unlabelled"] == 2.0


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("stages.0.views=[]", "'mean_teacher' compares views of an image"),
        ("stages.0.views.0.of=some", "did you mean 'all'|of is 'some'"),
        ("stages.0.views.0.sauce=image", "did you mean 'source'"),
        ('stages.0.views=["flip"]', "not a table: 'flip'"),
        ("stages.0.views.0.augment.0.name=nose", "did you mean 'noise'"),
        ("stages.0.views.0.augment.0.sd=1.0", "did you mean 'std'"),
        ("stages.0.unlabelled=0", "unlabelled must be above 0"),
        ("stages.0.unlabelled=many", "unlabelled cannot be 'many'"),
        ('stages.0.losses=[{name="cross_entropy"}]', "no loss of this stage reads its further views"),
        ('augment=[{name="mixup"}]', r"augment/mixup mixes images and cannot be combined with further views"),
        ('stages.0.views.1.augment=[{name="cutmix"}]', r"augment/cutmix mixes images"),
        ("cache_views=4", "views cannot be combined with cache_views"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        check(two_streams(override))


def test_a_loss_that_remembers_each_image_takes_no_mixture() -> None:
    plan = recipe("linear", 'stages.0.losses=[{name="early_learning"}]')
    check(plan)
    with pytest.raises(RecipeError, match=r"augment/mixup mixes images .* loss 'early_learning', which remembers"):
        recipe("linear", 'stages.0.losses=[{name="early_learning"}]', 'augment=[{name="mixup"}]')


def changed(**keys: object) -> Recipe:
    plan = two_streams()
    return replace(plan, stages=(replace(plan.stages[0], **keys),))  # type: ignore[arg-type]


def test_a_view_of_unlabelled_images_needs_their_stream() -> None:
    with pytest.raises(RecipeError, match="the stage draws no unlabelled images"):
        check(changed(unlabelled=None))


def test_a_stream_that_no_loss_learns_from_is_refused() -> None:
    with pytest.raises(RecipeError, match="no loss of this stage learns from unlabelled images"):
        check(changed(views=(), losses=recipe("linear").stages[0].losses))


def test_a_loss_that_asks_the_average_needs_one() -> None:
    with pytest.raises(RecipeError, match=r"(?s)'mean_teacher' reads the output of the network with averaged.*ema"):
        check(replace(two_streams(), ema=None))


def test_a_batch_with_all_its_views_is_bounded() -> None:
    plan = replace(two_streams(), batch_size=20_000, image_size=(200, 200))
    with pytest.raises(RecipeError, match="is too large"):
        check_values(plan)
    one_view = replace(plan, stages=(Stage(recipe("linear").stages[0].losses, steps=1),))
    check_values(one_view)
    with pytest.raises(RecipeError, match="views has 101 items"):
        check_values(changed(views=(View(),) * 101))


def test_training_flops_count_both_streams_and_all_views() -> None:
    plan = changed(steps=4)  # batches of 6 labelled and 12 other images, a view of 12 and one of 18
    assert training_flops(plan, 12, 1.0) == pytest.approx(4 * (18 + 12 + 18) * 3)


MASKED = """stages.0.losses=[{name="masked_image"}]"""
HIDDEN = """augment=[{name="flip"},{name="patch_mask"}]"""
MEANS = """posthoc=[{name="class_means"}]"""


def test_hidden_pixels_are_predicted_in_the_first_view_or_in_a_further_one() -> None:
    for hides in (HIDDEN, 'stages.0.views=[{augment=[{name="patch_mask"}]}]'):
        plan = recipe("linear", MASKED, hides, MEANS, "steps=1")
        check(plan)
        assert train(plan, squares(2), device="cpu", progress=False).card["steps"] == 1


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ((MASKED, MEANS), "loss 'masked_image' predicts hidden pixels, and no augmentation hides any"),
        ((MASKED, MEANS, 'augment=[{name="patch_mask"},{name="flip"}]'), "hides pixels once, last of its augment"),
        ((MASKED, MEANS, 'augment=[{name="patch_mask",start=0.5}]'), "from the first step to the last"),
        (
            (MASKED, MEANS, HIDDEN, 'stages.0.views=[{source="first_view",augment=[{name="patch_mask"}]}]'),
            "begins with the first one, whose pixels are hidden",
        ),
        ((MASKED, MEANS, HIDDEN, 'stages.0.views=[{augment=[{name="flip"}]}]'), "no loss of this stage reads its"),
        (('stages.0.views=[{augment=[{name="patch_mask"}]}]',), "no loss of this stage reads its further views"),
        ((MASKED, HIDDEN), "trains no classifier"),
        ((MASKED, HIDDEN, MEANS, "cache_views=4"), "masked_image cannot be combined with cache_views"),
    ],
)
def test_pixels_that_are_not_hidden_as_the_loss_reads_them_are_refused(
    overrides: tuple[str, ...], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe("linear", *overrides)


ONE_VIEW = 'stages.0.views=[{augment=[{name="flip"}]}]'
CHOOSING = 'stages.0.losses=[{name="co_teaching"}]'


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ((CHOOSING,), r"(?s)'co_teaching' reads a network that is trained beside.*set peers = 1"),
        (("peers=1",), r"(?s)no loss reads the networks that peers trains.*leave peers out.*co_teaching"),
        (("peers=-1",), "peers cannot be negative"),
        (("peers=11", CHOOSING), "peers is 11"),
        (
            (CHOOSING, "peers=1", "ema=0.9", 'stages.0.losses=[{name="co_teaching"},{name="mean_teacher"}]', ONE_VIEW),
            "peers cannot be combined with loss 'mean_teacher'",
        ),
    ],
)
def test_peers_and_losses_that_read_them_come_together(overrides: tuple[str, ...], text: str) -> None:
    with pytest.raises(RecipeError, match=text):
        check(recipe("linear", *overrides))


def test_peers_are_refused_where_maps_are_computed_in_advance() -> None:
    with pytest.raises(RecipeError, match=r"(?s)peers cannot be combined with cache_views.*set cache_views = 0"):
        check(load_recipe("head-first", overrides=("peers=1", "cache_views=2", CHOOSING)))


def test_images_with_a_mask_alone_need_a_loss_that_reads_masks() -> None:
    with pytest.raises(RecipeError, match=r"(?s)\"masked\" draws images with a mask alone.*pixel_cross_entropy"):
        check(recipe("linear", "stages.0.sampler=masked"))
