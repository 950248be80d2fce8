"""One built-in recipe for each pair of backbone and head, cut down to a second of training."""

from dataclasses import replace

from handful.core.recipe import Part, Recipe
from handful.parts import registry
from handful.recipes.load import load_recipe, recipe_names

NAMES = ("conse", "pseudo_labels_names")  # need weights that know ImageNet's classes
SIDE = 64  # of the images, in pixels: two cells of the coarsest maps


def families() -> dict[tuple[str, str], str]:
    """The plainest recipe of each backbone and head, by their names; heads of other data have their own tests."""
    plainest: dict[tuple[str, str], str] = {}
    for recipe in sorted(map(load_recipe, recipe_names()), key=_complexity):
        plainest.setdefault((recipe.backbone.name, recipe.head.name), recipe.name)
    others = [name for trait in ("needs_bag", "needs_multilabel") for name in registry.names_with("heads", trait)]
    return {family: name for family, name in sorted(plainest.items()) if family[1] not in (*NAMES, *others)}


def _complexity(recipe: Recipe) -> tuple[bool, int, int, str]:
    """Order of recipes: without word vectors first, then by the number of parts, then by the images' size."""
    parts = len(recipe.prepare) + len(recipe.posthoc) + len(recipe.stages) + len(recipe.augment)
    return recipe.labels.name != "one_hot", parts, max(recipe.image_size or (0,)), recipe.name


def cut_down(name: str, *, model: str) -> Recipe:
    """The recipe with a step in each stage, tiny images and random weights.

    Args:
        name: of a built-in recipe.
        model: folder of an image-text model, for the recipes that name one.
    """
    recipe = load_recipe(name)
    backbone, labels = registry.without_weights("backbones", recipe.backbone), recipe.labels
    if str(backbone.options.get("model", "")).startswith("resnet"):
        options = {k: v for k, v in backbone.options.items() if k != "dilate"}  # which ResNet-18 does not take
        backbone = Part(backbone.name, {**options, "model": "resnet18", "stride": None})
    if labels.options.get("path") == backbone.options.get("model", ""):  # one space of images and texts
        labels = Part(labels.name, {**labels.options, "path": model})
        backbone = Part(backbone.name, {**backbone.options, "model": model})
    stages = tuple(replace(stage, steps=1, epochs=None) for stage in recipe.stages)
    small = replace(recipe, stages=stages, search={}, batch_size=6, image_size=(SIDE, SIDE), precision="fp32")
    return replace(small, backbone=backbone, labels=labels, prepare=(), posthoc=())
