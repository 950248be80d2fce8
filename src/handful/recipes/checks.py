"""Checks of a recipe before training: parts and options exist, budgets are possible, parts are compatible.

The traits of a part's module declare what it needs; no method is named here.
"""

from handful.core.recipe import Part, Recipe, Stage
from handful.errors import RecipeError
from handful.parts import registry
from handful.recipes.stage_inputs import check_inputs


def check(recipe: Recipe) -> None:
    """Check parts, options, budgets and the compatibility of parts.

    Raises:
        RecipeError: with the nearest known name or the remedy.
    """
    registry.check("backbones", recipe.backbone)
    registry.check("heads", recipe.head)
    registry.check("labels", recipe.labels)
    if recipe.hierarchy is not None:
        registry.check("hierarchies", recipe.hierarchy)
    for folder, parts in (
        ("prepare", recipe.prepare),
        ("augment", recipe.augment),
        ("posthoc", recipe.posthoc),
    ):
        for part in parts:
            registry.check(folder, part)  # type: ignore[arg-type]
    _check_stages(recipe)
    for i, stage in enumerate(recipe.stages):
        _check_stage(stage, f"{recipe.name}: stages.{i}")
    _check_sizes(recipe)
    check_inputs(recipe)
    _check_agreement(recipe)


def _check_stage(stage: Stage, where: str) -> None:
    """Check the budget, the losses and the optimizer of a stage."""
    if (stage.steps is None) == (stage.epochs is None):
        raise RecipeError("give either steps or epochs", where=where, remedy="set one of them, e.g. steps = 1500.")
    if (stage.steps if stage.steps is not None else stage.epochs or 0) < 1:
        raise RecipeError("the budget must be at least 1", where=where, remedy="set steps or epochs to 1 or more.")
    if not stage.losses:
        raise RecipeError("a stage needs a loss", where=where, remedy='e.g. losses = [{ name = "cross_entropy" }].')
    if stage.optimizer.lr <= 0:
        raise RecipeError("the learning rate must be positive", where=where, remedy="set optimizer.lr above 0.")
    if not 0 < stage.optimizer.layer_decay <= 1:
        raise RecipeError(
            "layer_decay must be above 0 and at most 1", where=where, remedy="e.g. layer_decay = 0.65; 1: no decay."
        )
    if stage.stopping_threshold is not None and stage.stopping_threshold <= 0:
        raise RecipeError(
            "stopping_threshold must be above 0", where=where, remedy="e.g. stopping_threshold = 0.05, or leave it out."
        )
    for part in stage.losses:
        registry.check("losses", part)


def _check_sizes(recipe: Recipe) -> None:
    """Check the numbers that belong to no stage."""
    name = recipe.name
    if recipe.batch_size < 2:
        raise RecipeError("batch_size must be at least 2", where=name, remedy="batch norm cannot take one image.")
    if recipe.image_size is not None and min(recipe.image_size) < 1:
        raise RecipeError("image_size must be positive", where=name, remedy="set image_size = [h, w].")
    if recipe.cache_views < 0:
        raise RecipeError("cache_views cannot be negative", where=name, remedy="set 0, or e.g. 8.")
    if recipe.ema is not None and not 0 < recipe.ema < 1:
        raise RecipeError("ema must be between 0 and 1", where=name, remedy="e.g. ema = 0.99, or leave it out.")


def _check_stages(recipe: Recipe) -> None:
    """Check that a trained head has stages, and that a fitted head has none.

    Raises:
        RecipeError: names the remedy.
    """
    fitted = registry.has_trait("heads", recipe.head, "fitted")
    if not fitted and not recipe.stages:
        raise RecipeError("a recipe needs a stage", where=recipe.name, remedy="add [[stages]] with steps and losses.")
    if not fitted:
        return
    head = f"head {recipe.head.name!r} is fitted to the features of a frozen backbone, not trained"
    if any(p.options.get("adapt") for p in (recipe.backbone, *registry.members("backbones", recipe.backbone))):
        raise RecipeError(
            f"{head}, so adapt would do nothing",
            where=recipe.name,
            remedy="leave adapt out, or use a recipe that trains, such as lora.",
        )
    if recipe.stages:
        raise RecipeError(
            f"{head}, so [[stages]] would do nothing",
            where=recipe.name,
            remedy='leave the stages out, or use a head that is trained, e.g. "linear".',
        )
    if recipe.ema is not None:
        raise RecipeError(f"{head}, and ema averages over steps", where=recipe.name, remedy="leave ema out.")
    if bool(recipe.augment) != bool(recipe.cache_views):
        raise RecipeError(
            f"{head}: augmented views are drawn in advance",
            where=recipe.name,
            remedy="give both cache_views (the number of views besides the plain image) and augment, or neither.",
        )
    timed = [part.name for part in recipe.augment if (part.start, part.stop) != (0.0, 1.0)]
    if timed:
        raise RecipeError(
            f"{head}: {timed[0]!r} cannot start or stop during training", where=recipe.name, remedy="leave these out."
        )


def _check_agreement(recipe: Recipe) -> None:
    """Check that the parts are compatible.

    Raises:
        RecipeError: names the two, and the remedy.
    """
    _check_hierarchy(recipe)
    _check_head(recipe)
    _check_calibrating(recipe)
    if recipe.cache_views:
        _check_cached(recipe)


def _check_hierarchy(recipe: Recipe) -> None:
    """Losses that need a class hierarchy."""
    for i, stage in enumerate(recipe.stages):
        for part in stage.losses:
            if recipe.hierarchy is None and registry.has_trait("losses", part, "needs_hierarchy"):
                raise RecipeError(
                    f"loss {part.name!r} needs a hierarchy of the classes",
                    where=f"{recipe.name}: stages.{i}",
                    remedy=f"add a [hierarchy] table; names: {', '.join(registry.names('hierarchies'))}.",
                )


def _check_head(recipe: Recipe) -> None:
    """Heads with class vectors of their own, losses that read these, and losses that train no classifier."""
    own_classes = registry.has_trait("heads", recipe.head, "own_classes")
    if own_classes and recipe.labels != Part("one_hot"):
        raise RecipeError(
            f"head {recipe.head.name!r} learns its own class vectors and would ignore labels {recipe.labels.name!r}",
            where=recipe.name,
            remedy='leave [labels] out, or use another head, e.g. "linear".',
        )
    segments = registry.has_trait("heads", recipe.head, "segments")
    losses = sorted((part for stage in recipe.stages for part in stage.losses), key=lambda part: part.name)
    for part in losses:
        if registry.has_trait("losses", part, "needs_prototypes") and not own_classes:
            raise RecipeError(
                f"loss {part.name!r} needs a head with prototypes",
                where=recipe.name,
                remedy='set head.name = "prototypes".',
            )
        if registry.has_trait("losses", part, "reads_masks") and not segments:
            raise RecipeError(
                f"loss {part.name!r} compares pixels with masks, and head {recipe.head.name!r} does not segment",
                where=recipe.name,
                remedy=f"use a head that does: {', '.join(registry.names_with('heads', 'segments'))}.",
            )
        if registry.has_trait("losses", part, "compares_labels") and own_classes:
            raise RecipeError(
                f"loss {part.name!r} reads the vectors of the labels, and head {recipe.head.name!r} has its own",
                where=recipe.name,
                remedy='use another head, e.g. "linear".',
            )
    for part in recipe.posthoc:
        if registry.has_trait("posthoc", part, "needs_pixels") and not segments:
            raise RecipeError(
                f"posthoc/{part.name} reads the scores of pixels, and head {recipe.head.name!r} does not segment",
                where=recipe.name,
                remedy=f"use a head that does: {', '.join(registry.names_with('heads', 'segments'))}.",
            )
    untrained = losses and all(registry.has_trait("losses", part, "trains_no_classifier") for part in losses)
    if untrained and not any(registry.has_trait("posthoc", p, "replaces_classifier") for p in recipe.posthoc):
        raise RecipeError(
            f"loss {losses[0].name!r} trains no classifier",
            where=recipe.name,
            remedy='add posthoc = [{ name = "class_means" }], or another loss.',
        )


def _check_calibrating(recipe: Recipe) -> None:
    """Calibrating parts are fitted to a network: no later part may change its predictions."""
    names = [part.name for part in recipe.posthoc]
    calibrates = [registry.has_trait("posthoc", part, "calibrates") for part in recipe.posthoc]
    for i, part in enumerate(recipe.posthoc):
        joins_networks = any(calibrates) and registry.has_trait("posthoc", part, "joins_networks")
        if joins_networks or (not calibrates[i] and any(calibrates[:i])):
            first = names[calibrates.index(True)]
            raise RecipeError(
                f"posthoc/{first} is fitted to one network, and {part.name} combines several"
                if joins_networks
                else f"posthoc/{part.name} would change what posthoc/{first} is fitted to",
                where=recipe.name,
                remedy="leave one of them out." if joins_networks else f"put {part.name} before it.",
            )
        reads = [p.name for p in recipe.posthoc[:i] if registry.has_trait("posthoc", p, "reads_probabilities")]
        if reads and calibrates[i] and not registry.has_trait("posthoc", part, "keeps_probabilities"):
            raise RecipeError(
                f"posthoc/{part.name} would change what posthoc/{reads[0]} is fitted to",
                where=recipe.name,
                remedy=f"put {part.name} before it.",
            )
    duplicates = sorted({name for i, name in enumerate(names) if calibrates[i] and names.count(name) > 1})
    if duplicates:
        raise RecipeError(f"posthoc/{duplicates[0]} is listed twice", where=recipe.name, remedy="leave one out.")


def _check_cached(recipe: Recipe) -> None:
    """With cache_views only maps of single images are cached: no part may mix images, no loss may read them."""
    refused: list[tuple[registry.Folder, Part, str]] = [("augment", p, "mixes_images") for p in recipe.augment]
    refused += [("losses", p, "reads_images") for stage in recipe.stages for p in stage.losses]
    for folder, part, trait in refused:
        if registry.has_trait(folder, part, trait):
            raise RecipeError(
                f"{folder}/{part.name} cannot be combined with cache_views: the cached maps are of single images, "
                "drawn in advance",
                where=recipe.name,
                remedy=f"set cache_views = 0, or leave {part.name} out.",
            )
