"""Which parts of a recipe go together. A part's module says by names what it needs; no method is known here."""

from handful.core.recipe import Part, Recipe
from handful.errors import RecipeError
from handful.parts import registry


def check_agreement(recipe: Recipe) -> None:
    """Refuse parts that do not go together.

    Raises:
        RecipeError: names the two, and the remedy.
    """
    _check_hierarchy(recipe)
    _check_head(recipe)
    _check_calibrating(recipe)
    if recipe.cache_views:
        _check_cached(recipe)


def _check_hierarchy(recipe: Recipe) -> None:
    """Losses that read a tree of the classes."""
    for i, stage in enumerate(recipe.stages):
        for part in stage.losses:
            if recipe.hierarchy is None and registry.marked("losses", part, "needs_hierarchy"):
                raise RecipeError(
                    f"loss {part.name!r} needs a hierarchy of the classes",
                    where=f"{recipe.name}: stages.{i}",
                    remedy=f"add a [hierarchy] table; names: {', '.join(registry.names('hierarchies'))}.",
                )


def _check_head(recipe: Recipe) -> None:
    """Heads with class vectors of their own, the losses that read these, and the losses that train no classifier."""
    own = registry.marked("heads", recipe.head, "own_classes")
    if own and recipe.labels != Part("one_hot"):
        raise RecipeError(
            f"head {recipe.head.name!r} learns class vectors of its own and would not read labels "
            f"{recipe.labels.name!r}",
            where=recipe.name,
            remedy='leave [labels] out, or take another head, e.g. "linear".',
        )
    losses = sorted((part for stage in recipe.stages for part in stage.losses), key=lambda part: part.name)
    for part in losses:
        if registry.marked("losses", part, "needs_prototypes") and not own:
            raise RecipeError(
                f"loss {part.name!r} needs a head with prototypes",
                where=recipe.name,
                remedy='set head.name = "prototypes".',
            )
        if registry.marked("losses", part, "compares_labels") and own:
            raise RecipeError(
                f"loss {part.name!r} reads the labels' vectors, head {recipe.head.name!r} its own",
                where=recipe.name,
                remedy='take another head, e.g. "linear".',
            )
    idle = bool(losses) and all(registry.marked("losses", part, "trains_no_classifier") for part in losses)
    if idle and all(part.name != "class_means" for part in recipe.posthoc):
        raise RecipeError(
            f"loss {losses[0].name!r} trains no classifier",
            where=recipe.name,
            remedy='add posthoc = [{ name = "class_means" }], or another loss.',
        )


def _check_calibrating(recipe: Recipe) -> None:
    """Parts that say how sure or how typical a prediction is are fitted to a network: nothing may change it behind."""
    names = [part.name for part in recipe.posthoc]
    marks = [registry.marked("posthoc", part, "calibrates") for part in recipe.posthoc]
    for i, part in enumerate(recipe.posthoc):
        joins = any(marks) and registry.marked("posthoc", part, "joins_networks")
        if joins or (not marks[i] and any(marks[:i])):
            first = names[marks.index(True)]
            raise RecipeError(
                f"posthoc/{first} is fitted to one network, and {part.name} joins several"
                if joins
                else f"posthoc/{part.name} would change what posthoc/{first} is fitted to",
                where=recipe.name,
                remedy="leave one of them out." if joins else f"put {part.name} before it.",
            )
    twice = sorted({name for i, name in enumerate(names) if marks[i] and names.count(name) > 1})
    if twice:
        raise RecipeError(f"posthoc/{twice[0]} is there twice", where=recipe.name, remedy="leave one out.")


def _check_cached(recipe: Recipe) -> None:
    """With cache_views only maps of single images are kept: no part may mix images, no loss read them."""
    refused: list[tuple[registry.Folder, Part, str]] = [("augment", p, "mixes_images") for p in recipe.augment]
    refused += [("losses", p, "reads_images") for stage in recipe.stages for p in stage.losses]
    for folder, part, mark in refused:
        if registry.marked(folder, part, mark):
            raise RecipeError(
                f"{folder}/{part.name} does not go with cache_views: the kept maps are of single images, drawn "
                "beforehand",
                where=recipe.name,
                remedy=f"set cache_views = 0, or leave {part.name} out.",
            )
