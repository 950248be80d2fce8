"""Checks of what a stage's losses are given: further views, unlabelled images, and the mean teacher's output."""

from handful.core.recipe import Part, Recipe, Stage
from handful.errors import RecipeError
from handful.parts import registry


def check_inputs(recipe: Recipe) -> None:
    """Check that each stage has what its losses read, and nothing that no loss reads.

    Raises:
        RecipeError: names the loss or the key, and the remedy.
    """
    _check_asking(recipe)
    _check_peers(recipe)
    for i, stage in enumerate(recipe.stages):
        where = f"{recipe.name}: stages.{i}"
        for view in stage.views:
            for part in view.augment:
                registry.check("augment", part)
        index_reader = _first_with(stage, "needs_index")
        if index_reader is not None:
            _refuse_mixing(recipe, stage, where, f"loss {index_reader.name!r}, which remembers each image")
        _check_sampler(stage, where)
        _check_views(recipe, stage, where)
        _check_unlabelled(recipe, stage, where)
        _check_hidden(recipe, stage, where)
        teacher = _first_with(stage, "needs_teacher")
        if teacher is not None and recipe.ema is None:
            raise RecipeError(
                f"loss {teacher.name!r} reads the output of the network with averaged weights, and none are averaged",
                where=where,
                remedy="set ema, the decay of the average, e.g. ema = 0.99.",
            )


def _check_sampler(stage: Stage, where: str) -> None:
    """A stage that draws images with a mask alone learns from masks."""
    if stage.sampler == "masked" and _first_with(stage, "reads_masks") is None:
        raise RecipeError(
            'sampler = "masked" draws images with a mask alone, and no loss of this stage reads masks',
            where=where,
            remedy='add a loss that does, e.g. { name = "pixel_cross_entropy" }, or draw all: sampler = "shuffle".',
        )


def _check_asking(recipe: Recipe) -> None:
    """An augmentation that asks the teacher for pixel labels: no later part moves them, and the head gives some."""
    asking = [i for i, part in enumerate(recipe.augment) if registry.has_trait("augment", part, "asks_teacher")]
    if not asking:
        return
    name = recipe.augment[asking[0]].name
    if asking != [len(recipe.augment) - 1]:
        raise RecipeError(
            f"augment/{name} must come last, as later parts do not move what it says of the pixels",
            where=recipe.name,
            remedy=f"list {name} once, at the end of augment.",
        )
    if recipe.ema is not None and not registry.has_trait("heads", recipe.head, "segments"):
        raise RecipeError(
            f"augment/{name} asks the averaged network for pixel labels, and head {recipe.head.name!r} gives none",
            where=recipe.name,
            remedy="use a head that segments, e.g. head.name = 'segmentation', or leave ema out.",
        )


def _check_peers(recipe: Recipe) -> None:
    """Networks that are trained beside the one that predicts: a loss reads them, and they have all that it reads."""
    reader = next((part for stage in recipe.stages for part in [_first_with(stage, "needs_peers")] if part), None)
    if recipe.peers < 0:
        raise RecipeError("peers cannot be negative", where=recipe.name, remedy="set 0, or 1 for a second network.")
    if reader is not None and recipe.peers == 0:
        raise RecipeError(
            f"loss {reader.name!r} reads a network that is trained beside the one that predicts, and there is none",
            where=recipe.name,
            remedy="set peers = 1.",
        )
    if recipe.peers == 0:
        return
    if reader is None:
        names = " or ".join(registry.names_with("losses", "needs_peers"))
        raise RecipeError(
            "no loss reads the networks that peers trains beside the one that predicts",
            where=recipe.name,
            remedy=f"leave peers out, or use a loss that does: {names}.",
        )
    if recipe.cache_views:
        raise RecipeError(
            "peers cannot be combined with cache_views, which computes the maps of one network in advance",
            where=recipe.name,
            remedy="set cache_views = 0.",
        )
    teacher = next((part for stage in recipe.stages for part in [_first_with(stage, "needs_teacher")] if part), None)
    if teacher is not None:
        raise RecipeError(
            f"peers cannot be combined with loss {teacher.name!r}: only the network that predicts has averaged weights",
            where=recipe.name,
            remedy=f"leave {teacher.name} or peers out.",
        )


def _check_views(recipe: Recipe, stage: Stage, where: str) -> None:
    """Further views: read by a loss, and each the view of one image."""
    reader = _first_with(stage, "needs_views")
    hidden_reader = _first_with(stage, "needs_hidden")
    if reader is not None and not stage.views:
        raise RecipeError(
            f"loss {reader.name!r} compares views of an image, and the stage has no further view",
            where=where,
            remedy='add [[stages.views]] with augment, e.g. augment = [{ name = "rand_augment" }].',
        )
    if not stage.views:
        return
    if reader is None and (hidden_reader is None or not any(_hides(view.augment) for view in stage.views)):
        raise RecipeError("no loss of this stage reads its further views", where=where, remedy="leave views out.")
    _refuse_mixing(recipe, stage, where, "further views")
    if recipe.cache_views:
        raise RecipeError(
            "views cannot be combined with cache_views, which computes the maps of the first view in advance",
            where=where,
            remedy="set cache_views = 0.",
        )
    if stage.unlabelled is None and any(view.of == "unlabelled" for view in stage.views):
        raise RecipeError(
            'a view is of = "unlabelled", and the stage draws no unlabelled images',
            where=where,
            remedy='set unlabelled, the number of them for each labelled image, e.g. 7.0, or of = "all".',
        )


def _check_unlabelled(recipe: Recipe, stage: Stage, where: str) -> None:
    """The stream of unlabelled images: a loss learns from it, and it is told apart from the labelled one."""
    if stage.unlabelled is None:
        return
    if stage.unlabelled <= 0:
        raise RecipeError(
            "unlabelled must be above 0", where=where, remedy="e.g. unlabelled = 7.0, or leave it out: one stream."
        )
    if _first_with(stage, "uses_unlabelled") is None:
        raise RecipeError(
            "no loss of this stage learns from unlabelled images", where=where, remedy="leave unlabelled out."
        )
    _refuse_mixing(recipe, stage, where, "a stream of unlabelled images")


def _check_hidden(recipe: Recipe, stage: Stage, where: str) -> None:
    """Hidden pixels: a loss that predicts them has some, and they stay where they were hidden."""
    reader = _first_with(stage, "needs_hidden")
    lists = (recipe.augment, *(view.augment for view in stage.views))
    if reader is not None and not any(_hides(parts) for parts in lists):
        raise RecipeError(
            f"loss {reader.name!r} predicts hidden pixels, and no augmentation hides any",
            where=where,
            remedy='end augment, or that of one of [[stages.views]], with { name = "patch_mask" }.',
        )
    for parts in lists:
        if _hides(parts) and (_hides(parts[:-1]) or (parts[-1].start, parts[-1].stop) != (0.0, 1.0)):
            raise RecipeError(
                "patch_mask hides pixels once, last of its augmentations, from the first step to the last",
                where=where,
                remedy="write it at the end, without start and stop.",
            )
    if _hides(recipe.augment) and any(view.source == "first_view" for view in stage.views):
        raise RecipeError(
            "a further view begins with the first one, whose pixels are hidden",
            where=where,
            remedy='set source = "image", or move patch_mask from augment to a view.',
        )


def _hides(parts: tuple[Part, ...]) -> bool:
    return any(registry.has_trait("augment", part, "hides_pixels") for part in parts)


def _refuse_mixing(recipe: Recipe, stage: Stage, where: str, what: str) -> None:
    for part in (*recipe.augment, *(part for view in stage.views for part in view.augment)):
        if registry.has_trait("augment", part, "mixes_images"):
            raise RecipeError(
                f"augment/{part.name} mixes images and cannot be combined with {what}",
                where=where,
                remedy=f"leave {part.name} out.",
            )


def _first_with(stage: Stage, trait: str) -> Part | None:
    return next((part for part in stage.losses if registry.has_trait("losses", part, trait)), None)
