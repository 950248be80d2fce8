"""The sizes that an automatic run brings images to, known before PyTorch is loaded."""

from handful.data.resampling import Resize
from handful.recipes.inspection import INSPECTION
from handful.recipes.read import read_recipe, recipe_text

RECIPES = ("logistic", "logistic-hog", "fine-tuned")  # the size of a candidate is that of one of these
FROM_MASKS = "cvs"


def working_sizes(*, masked: bool) -> frozenset[tuple[tuple[int, int], Resize]]:
    """The working sizes of the candidates, and of the backbone that compares images.

    Args:
        masked: whether images have masks, so that a network that learns from them may be tried.
    """
    names = (*RECIPES, FROM_MASKS) if masked else RECIPES
    recipes = (INSPECTION, *(read_recipe(recipe_text(name), where=name) for name in names))
    return frozenset((r.image_size, r.resize) for r in recipes if r.image_size is not None)
