import pytest

from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.parts import registry
from handful.recipes.load import from_toml
from tests.support.datasets import context, recipe
from tests.support.time_limit import without_long_work

DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("backbone.depth=1000000000", r"(?s)depth is 1000000000.*1,000 or less"),
        ("backbone.depth=1.5", "depth cannot be 1.5"),
        ("backbone.depth=[10]", "depth cannot be"),
        ("backbone.depth=true", "depth cannot be True"),
        ("backbone.width=1000000", "4,096 or less"),
        ("backbone.strides=7", "strides cannot be 7"),
        ("head.dropout=inf", "not TOML|cannot be 'inf'|finite"),
        ("head.dropout={a=1}", "dropout cannot be"),
        ("image_size=1000000", "16,384 or less"),
        ("batch_size=1000000000", "100,000 or less"),
        ("steps=1000000000000", "100,000,000 or less"),
        ("lr=nan", "finite|cannot be"),
        ("cache_views=1000000", "1,000 or less"),
        ('augment=[{name="rand_augment",operations=1000000}]', "100 or less"),
        ('augment=[{name="noise",weight=inf}]', "finite|not TOML|cannot be"),
        ('posthoc=[{name="conformal",folds=1000000000}]', "1,000 or less"),
        ('posthoc=[{name="conformal",coverage=[1]}]', "coverage cannot be"),
        ('augment=["flip"' + ',"flip"' * 200 + "]", "at most 100"),
        (f"head.dropout={DEEP}", "cannot be|deeper"),
    ],
)
def test_a_number_or_type_that_stalls_is_refused_at_once(override: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):  # imports the part
        recipe("linear", override)
    with without_long_work(), pytest.raises(RecipeError, match=message):
        recipe("linear", override)


def test_a_batch_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"(?s)1000 images of 4096 x 4096 pixels is too large.*lower batch_size"):
        recipe("linear", "image_size=4096", "batch_size=1000")


@pytest.mark.parametrize("text", ["a = " + DEEP, ".".join("a" * 50_000) + " = 1", "lr = inf", "x" * 300_000])
def test_a_recipe_that_is_no_recipe_is_refused_at_once(text: str) -> None:
    with without_long_work(), pytest.raises(RecipeError, match="not TOML"):
        from_toml(text, where="stranger.toml")


@pytest.mark.parametrize(
    "part",
    [
        Part("wide_resnet", {"depth": 1000, "width": 4096}),
        Part("dsk_resnext", {"depth": 101, "width": 4096, "groups": 4096}),
    ],
    ids=lambda part: part.name,
)
def test_a_network_of_too_many_parameters_is_refused_before_it_is_built(part: Part) -> None:
    with pytest.raises(RecipeError, match="parameters; at most 1e"):  # imports the part
        registry.build("backbones", part, context())
    with without_long_work(), pytest.raises(RecipeError, match="parameters; at most 1e"):
        registry.build("backbones", part, context())
