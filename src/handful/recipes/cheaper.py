"""The cheaper recipe to try before a long training, and how the two compare as far as it was measured."""

from handful.core.recipe import Recipe
from handful.recipes.read import read_recipe, recipe_text

OF_RECIPE = {"fine-tuned": "partial-fine-tuning"}
OF_BACKBONE = {"efficientnet_lite0": "logistic"}
OTHERWISE = "logistic-hog"


def cheaper_than(recipe: Recipe) -> str | None:
    """A sentence on the cheaper recipe: its time, and the scores of both where one `expected` states them.

    Args:
        recipe: a recipe that is trained; None is returned if it is the cheapest of its kind.
    """
    name = OF_RECIPE.get(recipe.name, OF_BACKBONE.get(recipe.backbone.name, OTHERWISE))
    if name == recipe.name:
        return None
    about = read_recipe(recipe_text(name), where=name).about
    text = f"Cheaper: {name}, {about['time']}."
    for subject, expected, other in (
        (name, about.get("expected", ""), recipe.name),
        (recipe.name, recipe.about.get("expected", ""), name),
    ):
        if other in expected:
            return f"{text} Accuracy of {subject}: {expected}."
    return text
