"""Recipes written with former names are the same recipes."""

import pytest

from handful.comparison.search_space import search_fingerprint
from handful.core.recipe import Recipe
from handful.errors import RecipeError
from handful.parts import registry
from handful.recipes.load import from_toml, load_recipe, with_values
from handful.recipes.read import recipe_names
from handful.recipes.renamed import OPTIONS, PARTS, RECIPES, VALUES, stored_name
from handful.recipes.write import fingerprint, stored_paths, to_toml

FORMER = """
posthoc = [{ name = "tau_normalisation", tau = 0.5 }]
prepare = [{ name = "binarize", rule = "colour", colour = [1, 2, 3] }]
augment = [
    { name = "affine", turn = 10.0, shift = 0.2, zoom = [0.9, 1.1], shear = 3.0, start = 0.1 },
    { name = "shift_zoom", shift = 0.2, zoom = [1.0, 1.1] },
    { name = "turn", degrees = 4.0 },
    { name = "shear", degrees = 5.0 },
    { name = "crop", scale = [0.5, 0.9] },
    "colour",
]

[backbone]
name = "wide_resnet"
depth = 10

[head]
name = "linear"

[[stages]]
steps = 3
losses = ["cross_entropy"]

[search]
"augment.0.turn" = [0.0, 10.0]
"augment.1.zoom" = [[1.0, 1.1], [1.0, 1.3]]
"augment.2.degrees" = [4.0, 5.0]
"prepare.0.rule" = ["colour", "otsu"]
"""
CURRENT = (
    FORMER.replace("tau_normalisation", "tau_normalization")
    .replace("shift_zoom", "translate_scale")
    .replace('"turn"', '"rotation"')
    .replace('"colour",\n]', '"color_jitter",\n]')
    .replace("colour", "color")
    .replace("turn", "degrees")
    .replace("shift ", "translate ")
    .replace("zoom", "scale")
)
FITTED = """
[backbone]
name = "efficientnet_lite0"

[head]
name = "knn"
"""


def read(text: str, *overrides: str) -> Recipe:
    return from_toml(text, where="mine", overrides=overrides)


def test_a_recipe_with_former_names_is_the_recipe_with_current_names() -> None:
    former, current = read(FORMER), read(CURRENT)
    assert former == current
    assert fingerprint(former) == fingerprint(current) == "cdf56a669e93"
    assert search_fingerprint(former) == search_fingerprint(current)
    assert [part.name for part in former.augment] == [
        "affine",
        "translate_scale",
        "rotation",
        "shear",
        "crop",
        "color_jitter",
    ]
    assert former.augment[0].options["degrees"] == 10.0
    assert set(former.search) == {"augment.0.degrees", "augment.1.scale", "augment.2.degrees", "prepare.0.rule"}
    assert "turn" not in to_toml(former)
    assert read(to_toml(former)) == former


@pytest.mark.parametrize("head", sorted(name for folder, name in OPTIONS if folder == "heads"))
def test_heads_read_their_former_options(head: str) -> None:
    text = FITTED.replace("knn", head)
    former, current = read(text + "centre = false"), read(text + "center = false")
    assert former == current
    assert former.head.options == {"center": False}
    assert fingerprint(former) == fingerprint(current)


def test_overrides_and_tuned_values_may_use_former_names() -> None:
    assert read(CURRENT, "augment.0.turn=20", "augment.0.shift=0.3") == read(
        CURRENT, "augment.0.degrees=20", "augment.0.translate=0.3"
    )
    assert read(CURRENT, 'augment=[{name="affine",zoom=[1.0,1.2]}]', "search={}", "augment.0.zoom=[1.0,1.5]") == read(
        CURRENT, 'augment=[{name="affine",scale=[1.0,1.5]}]', "search={}"
    )
    assert "augment.0.degrees" not in read(CURRENT, "augment.0.turn=20").search
    recipe = read(CURRENT)
    assert with_values(recipe, {"augment.0.turn": 20.0}) == with_values(recipe, {"augment.0.degrees": 20.0})
    assert read(FITTED, "head.neighbours=3", "head.name=label_propagation").head.options == {"neighbors": 3}


def test_what_extends_a_recipe_may_use_former_names() -> None:
    own = from_toml('extends = "logistic"\n[head]\ncentre = false', where="mine")
    assert own.head.options["center"] is False
    tuned = from_toml('extends = "classification-wrn"\n[search]\n"augment.0.turn" = [20.0, 30.0]', where="mine")
    assert set(tuned.search) == {"augment.0.degrees"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (CURRENT.replace("degrees = 10.0", "degrees = 10.0, turn = 10.0"), "(?s)mine: augment.*leave 'turn' out"),
        (CURRENT + '"augment.0.turn" = [10.0, 20.0]', "(?s)mine: search.*leave 'augment.0.turn' out"),
        (FITTED + "centre = true\ncenter = true", "'center' is given twice"),
        (FORMER.replace('"shear", degrees', '"shear", turn'), "augment/shear: unknown option 'turn'"),
    ],
)
def test_a_mix_of_both_names_is_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        read(text)


def test_studies_store_values_under_the_names_they_began_with() -> None:
    assert stored_paths(load_recipe("classification-wrn"))["augment.0.degrees"] == "augment.0.turn"
    assert set(stored_paths(read(CURRENT))) == set(read(CURRENT).search)
    assert sorted(stored_paths(read(CURRENT)).values()) == [
        "augment.0.turn",
        "augment.1.zoom",
        "augment.2.degrees",
        "prepare.0.rule",
    ]


def test_every_renamed_name_leads_to_one_that_exists() -> None:
    for folder, names in PARTS.items():
        for former, current in names.items():
            assert current in registry.names(folder)
            assert former not in registry.names(folder)
    for (folder, name), options in OPTIONS.items():
        known = registry.options(folder, name)  # type: ignore[arg-type]
        assert set(options.values()) <= set(known)
        assert not set(options) & set(known)
    assert {(folder, name) for folder, name, _ in VALUES} <= {*OPTIONS, ("prepare", "pseudo_label")}


FINGERPRINTS = {  # of the recipes as they were called when their first results were logged
    "classification-lite0": "681210f22702",
    "cvs-frozen-norm-lite0": "8d9c34bf14a6",
    "cvs-full-lite0": "1866f51a3999",
    "cvs-head-first-lite0": "4df37a7e3514",
    "cvs-joint-lite0": "3438ae1f438e",
    "cvs-layer-decay-lite0": "841e2baf1a48",
    "cvs-lite0": "16b5dbe34fef",
    "fine-tuned-lite0": "513567626a37",
    "frozen-norm-lite0": "d731d191637e",
    "full-lite0": "236a58ec47b3",
    "head-first-lite0": "943c510907ab",
    "knn-lite0": "893caa38fa20",
    "label-propagation-lite0": "b3aa13dfffd6",
    "layer-decay-lite0": "4e2a5235b698",
    "lda-lite0": "021fa4fb9395",
    "logistic-lite0": "5d0116ba39df",
    "multitask-lite0": "47827e0e1ff2",
    "nearest-centroid-lite0": "5cdcfeb64cc4",
    "pseudo-labels-lite0": "13141279204d",
    "ridge-lite0": "6786d60e9327",
    "self-training-lite0": "d68d3f3a6fdd",
    "soft-labels-frozen-norm-lite0": "aa9ef4233a15",
    "soft-labels-full-lite0": "8d87fd8d9efc",
    "soft-labels-head-first-lite0": "77dcef66fa3d",
    "soft-labels-layer-decay-lite0": "b947dd7e9684",
    "soft-labels-lite0": "3a715042280d",
    "tip-adapter-lite0": "2cfe24dec4df",
}


def test_a_former_name_of_a_recipe_is_the_recipe_and_results_are_stored_under_it() -> None:
    assert set(FINGERPRINTS) == set(RECIPES)
    assert set(RECIPES.values()) <= set(recipe_names())
    for former, expected in FINGERPRINTS.items():
        recipe = load_recipe(former)
        assert recipe == load_recipe(RECIPES[former])
        assert (recipe.name, fingerprint(recipe)) == (RECIPES[former], expected)
        assert stored_name(recipe.name) == former


def test_a_recipe_of_ones_own_may_extend_a_former_name_and_a_saved_one_bear_it() -> None:
    own = from_toml('extends = "logistic-lite0"\n[head]\ntukey = 1.0', where="mine")
    assert own == from_toml('extends = "logistic"\n[head]\ntukey = 1.0', where="mine")
    saved = to_toml(load_recipe("ridge")).replace('name = "ridge"', 'name = "ridge-lite0"', 1)
    assert '"ridge-lite0"' in saved
    assert from_toml(saved, where="recipe.toml") == load_recipe("ridge")


def test_a_teacher_may_have_its_former_name() -> None:
    former = load_recipe("self-training", overrides=("prepare.0.recipe=label-propagation-lite0",))
    current = load_recipe("self-training", overrides=("prepare.0.recipe=label-propagation",))
    assert former == current
    assert fingerprint(former) == fingerprint(current)
