"""Which recipes have stages: all but those whose head is fitted."""

from handful.core.recipe import Recipe
from handful.errors import RecipeError
from handful.parts import registry


def check_stages(recipe: Recipe) -> None:
    """Refuse a recipe that could not learn, or says how to train what is fitted.

    Raises:
        RecipeError: names the remedy.
    """
    fitted = registry.marked("heads", recipe.head, "fitted")
    if not fitted and not recipe.stages:
        raise RecipeError("a recipe needs a stage", where=recipe.name, remedy="add [[stages]] with steps and losses.")
    if not fitted:
        return
    head = f"head {recipe.head.name!r} is fitted to the features of a frozen backbone, not trained"
    if recipe.stages:
        raise RecipeError(
            f"{head}, so [[stages]] would do nothing",
            where=recipe.name,
            remedy='leave the stages out, or take a head that is trained, e.g. "linear".',
        )
    if recipe.ema is not None:
        raise RecipeError(f"{head}, and ema averages over steps", where=recipe.name, remedy="leave ema out.")
    if bool(recipe.augment) != bool(recipe.cache_views):
        raise RecipeError(
            f"{head}: augmented views are drawn beforehand",
            where=recipe.name,
            remedy="give both cache_views (how many views of each image beside the plain one) and augment, or neither.",
        )
    timed = [part.name for part in recipe.augment if (part.start, part.stop) != (0.0, 1.0)]
    if timed:
        raise RecipeError(
            f"{head}: {timed[0]!r} cannot start or stop on the way", where=recipe.name, remedy="leave these out."
        )
