"""The cheaper recipe to try before a long training, and how the two compare as far as it was measured."""

from handful.core.recipe import Recipe
from handful.recipes.read import read_recipe, recipe_text

OF_BACKBONE = {"efficientnet_lite0": "logistic-lite0"}
OTHERWISE = "logistic-hog"


def cheaper_than(recipe: Recipe) -> str | None:
    """A sentence on the cheaper recipe: its time, and the scores of both where one `expected` states them.

    Args:
        recipe: a recipe that is trained; None is returned if it is the cheapest of its kind.
    """
    name = OF_BACKBONE.get(recipe.backbone.name, OTHERWISE)
    if name == recipe.name:
        return None
    about = read_recipe(recipe_text(name), where=name).about
    text = f"Cheaper: {name}, {about['time']}."
    measured = recipe.about.get("expected", "")
    return f"{text} Accuracy of {recipe.name}: {measured}." if name in measured else text
