import pytest

from handful.annotation.propagation_method import choose_method, default_recipe, explains_classifier
from handful.errors import RecipeError


@pytest.mark.parametrize(
    ("source", "method", "recipe"),
    [
        (None, "match", "cvs-wrn"),
        ("salient", "train", "cvs-wrn"),
        ("grabcut", "train", "cvs-wrn"),
        ("cut_masks", "match", "cvs-wrn"),  # of all images: few are left
        ("explained_masks", "match", "cvs"),
    ],
)
def test_what_the_parts_declare_decides_method_and_recipe(source: str | None, method: str, recipe: str) -> None:
    assert choose_method(None, source, None, None) == method
    assert default_recipe(source) == recipe
    assert default_recipe(source, "efficientnet_lite0") == "cvs"
    assert explains_classifier(source) == (source == "explained_masks")


def test_a_source_that_is_none_is_refused_by_name() -> None:
    with pytest.raises(RecipeError, match="unknown part 'explained'"):
        choose_method(None, "explained", None, None)
