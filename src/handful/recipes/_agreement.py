"""Which parts of a recipe go together. A part's module says by names what it needs; no method is known here."""

from handful import catalog
from handful.errors import RecipeError
from handful.types import Part, Recipe


def check_agreement(recipe: Recipe) -> None:
    """Refuse parts that do not go together.

    Raises:
        RecipeError: names the two, and the remedy.
    """
    _check_head(recipe)
    if recipe.cache_views:
        _check_cached(recipe)


def _check_head(recipe: Recipe) -> None:
    """Heads with class vectors of their own, the losses that read these, and the losses that train no classifier."""
    own = bool(getattr(catalog.find("heads", recipe.head.name), "own_classes", False))
    if own and recipe.labels != Part("one_hot"):
        raise RecipeError(
            f"head {recipe.head.name!r} learns class vectors of its own and would not read labels "
            f"{recipe.labels.name!r}",
            where=recipe.name,
            remedy='leave [labels] out, or take another head, e.g. "linear".',
        )
    names = sorted({part.name for stage in recipe.stages for part in stage.losses})
    losses = [(name, catalog.find("losses", name)) for name in names]
    for name, module in losses:
        if getattr(module, "needs_prototypes", False) and not own:
            raise RecipeError(
                f"loss {name!r} needs a head with prototypes", where=recipe.name, remedy='set head.name = "prototypes".'
            )
        if getattr(module, "compares_labels", False) and own:
            raise RecipeError(
                f"loss {name!r} reads the labels' vectors, head {recipe.head.name!r} its own",
                where=recipe.name,
                remedy='take another head, e.g. "linear".',
            )
    idle = all(getattr(module, "trains_no_classifier", False) for _, module in losses)
    if idle and all(part.name != "class_means" for part in recipe.posthoc):
        raise RecipeError(
            f"loss {names[0]!r} trains no classifier",
            where=recipe.name,
            remedy='add posthoc = [{ name = "class_means" }], or another loss.',
        )


def _check_cached(recipe: Recipe) -> None:
    """With cache_views only maps of single images are kept: no part may mix images, no loss read them."""
    refused = [("augment", p.name, "mixes_images") for p in recipe.augment]
    refused += [("losses", p.name, "reads_images") for stage in recipe.stages for p in stage.losses]
    for folder, name, mark in refused:
        if getattr(catalog.find(folder, name), mark, False):  # type: ignore[arg-type]
            raise RecipeError(
                f"{folder}/{name} does not go with cache_views: the kept maps are of single images, drawn beforehand",
                where=recipe.name,
                remedy=f"set cache_views = 0, or leave {name} out.",
            )
