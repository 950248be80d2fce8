"""Recipes written with former names are the same recipes."""

import pytest

from handful.comparison.search_space import search_fingerprint
from handful.core.recipe import Recipe
from handful.errors import RecipeError
from handful.parts import registry
from handful.recipes.load import from_toml, load_recipe, with_values
from handful.recipes.renamed import OPTIONS, PARTS, VALUES
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
    own = from_toml('extends = "logistic-lite0"\n[head]\ncentre = false', where="mine")
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
    assert {(folder, name) for folder, name, _ in VALUES} <= set(OPTIONS)
