"""Look parts up by file name, and the traits that their modules declare; part folders may import this module.

Traits are read from the text of a module, so that what only reads recipes imports no PyTorch.
"""

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module, resources
from types import ModuleType
from typing import Literal, get_args

from handful.core.kind import Kind
from handful.core.recipe import Part, Recipe, Stage
from handful.errors import RecipeError, nearest

Folder = Literal["prepare", "labels", "hierarchies", "augment", "backbones", "heads", "losses", "posthoc"]
FOLDERS: tuple[Folder, ...] = get_args(Folder)
# What a part's module may declare of itself, as `mixes_images = True`. No other lower-case constants stand in it.
TRAITS: dict[Folder, dict[str, str]] = {
    "prepare": {
        "makes_masks": "gives masks to samples that have none",
        "automatic": "makes masks without a person's: annotating them costs no time",
        "covers_all": "makes masks of nearly all images it is given: few are left to propagate to",
        "explains_classifier": "its masks explain a classifier, which it trains on all labelled images",
        "loads_model": "the name of the option that names a saved model",
        "renews_masks": "replaces masks that were propagated before by new ones from the others",
        "uses_unlabelled": "gains from images without a label",
        "candidates": "guesses the label of an image with candidates among these",
        "multilabel": "fits data with several labels per image",
    },
    "labels": {
        "multilabel": "fits data with several labels per image",
        "number": "fits numbers",
        "bag": "fits labels of bags",
        "reads_names": "a class's vector follows from its name, so that classes can be added later",
    },
    "hierarchies": {
        "loads_model": "the name of the option that names a saved model",
    },
    "augment": {
        "mixes_images": "an image that comes out depends on others of its batch",
        "asks_teacher": "reads the output of the network with averaged weights, where the recipe has one; comes last",
        "erases_pixels": "paints over pixels, which lose their labels",
        "hides_pixels": "paints over pixels for a loss to predict: `Batch.hidden`",
    },
    "backbones": {
        "image_text": "its features are compared with texts, which the model that its option `model` names encodes",
        "imagenet_classifier": 'the EfficientNet-Lite whose ImageNet classifier reads its features: "0", "2"',
        "made_of": "the name of the option that lists the backbones it is made of",
        "signed": "its features may be negative: no ReLU is their last layer",
    },
    "heads": {
        "class_weights": "scores classes by one linear layer to the labels' vectors: `linear` or `classify.linear`",
        "multilabel": "fits data with several labels per image",
        "number": "fits numbers",
        "bag": "fits labels of bags",
        "needs_bag": "fits no other data",
        "needs_multilabel": "fits no other data",
        "fitted": "is fitted to the features of a frozen backbone, not trained",
        "own_classes": "has class vectors of its own and reads none of the labels'",
        "soft_targets": "is fitted to class probabilities and weights of images, too",
        "candidates": "is fitted to images of which several candidates for the class are known, too",
        "segments": "gives a score of every class for every pixel: `Output.pixels`",
        "uses_unlabelled": "learns from images without a label",
    },
    "losses": {
        "multilabel": "fits data with several labels per image",
        "number": "fits numbers",
        "needs_multilabel": "fits no other data",
        "needs_number": "fits no other data",
        "compares_labels": "reads the labels' class vectors",
        "loads_model": "the name of the option that names a saved model",
        "mixes_images": "an image's loss depends on others of its batch",
        "needs_hierarchy": "reads the recipe's hierarchy of the classes",
        "needs_hidden": "predicts pixels that an augmentation hid: `Batch.hidden`",
        "needs_index": "reads the position of each image among the training images: `Batch.index`",
        "needs_maps": "reads the feature maps of the backbone: `Output.maps`",
        "needs_peers": "reads the outputs of networks that are trained beside the own one: `Output.peers`",
        "needs_no_absent": "learns classes of which no absent entry is known",
        "needs_prototypes": "reads the distances of a head with prototypes",
        "needs_teacher": "reads the output of the network with averaged weights: `Batch.teacher_output`",
        "needs_views": "reads further views of the images: `Output.views`",
        "reads_images": "reads the images, not only what the network says of them",
        "runs_backbone": "gives images of its own to the backbone: `Context.feature_maps`",
        "soft_targets": "learns from class probabilities, not from one label; or reads no label",
        "candidates": "learns from images of which several candidates for the class are known",
        "reads_masks": "learns from pixel labels, and needs a head that segments",
        "trains_no_classifier": "leaves the head's class scores untrained",
        "uses_unlabelled": "learns from images without a label",
        "uses_unmasked": "learns pixel labels from images without a mask",
    },
    "posthoc": {
        "multilabel": "fits data with several labels per image",
        "number": "fits numbers",
        "needs_multilabel": "fits no other data",
        "calibrates": "is fitted to one network's predictions: nothing may change these afterwards",
        "joins_networks": "makes one classifier of several networks",
        "keeps_probabilities": "adds to a prediction and leaves its probabilities as they are",
        "needs_linear": "needs a head with the trait `class_weights`",
        "needs_pixels": "needs a head with the trait `segments`",
        "reads_probabilities": "is fitted to probabilities: no later part may calibrate them",
        "replaces_classifier": "classifies by the features, so that the head's class scores need no training",
    },
}


@cache
def names(folder: Folder) -> tuple[str, ...]:
    """Names of the parts in a folder."""
    files = (f.name for f in resources.files(f"handful.parts.{folder}").iterdir())
    return tuple(sorted(f[:-3] for f in files if f.endswith(".py") and not f.startswith("_")))


def part_module(folder: Folder, name: str) -> ModuleType:
    """The module of a part; a typo gets the nearest name back.

    Raises:
        RecipeError: there is no such part.
    """
    _refuse_unknown(folder, name)
    return import_module(f"handful.parts.{folder}.{name}")


def _refuse_unknown(folder: Folder, name: str) -> None:
    if name not in names(folder):
        raise RecipeError(f"unknown part {name!r}", where=folder, remedy=nearest(name, names(folder)))


@cache
def _declared(folder: Folder, name: str) -> Mapping[str, bool | str]:
    """The constants `name = True` or `name = "word"` of a part's module.

    Raises:
        RecipeError: there is no such part.
    """
    _refuse_unknown(folder, name)
    text = (resources.files(f"handful.parts.{folder}") / f"{name}.py").read_text(encoding="utf-8")
    constants: dict[str, object] = {}
    for line in ast.parse(text).body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant):
            constants |= {target.id: line.value.value for target in line.targets if isinstance(target, ast.Name)}
    return {name: value for name, value in constants.items() if isinstance(value, bool | str)}


def has_trait(folder: Folder, part: Part, trait: str) -> bool:
    """Whether a part's module declares one of `TRAITS`, e.g. `mixes_images = True`."""
    assert trait in TRAITS[folder], f"{trait!r} is not a trait of {folder}"
    return bool(_declared(folder, part.name).get(trait, False))


def names_with(folder: Folder, trait: str) -> tuple[str, ...]:
    """Names of the parts in a folder that declare a trait."""
    return tuple(name for name in names(folder) if has_trait(folder, Part(name), trait))


def as_part(value: object) -> Part:
    """A part inside another's option: its name, or a table of its name and options.

    Raises:
        RecipeError: neither.
    """
    if isinstance(value, str):
        return Part(value)
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise RecipeError(
            "a part inside another needs a name", where=repr(value), remedy='write "NAME" or { name = "...", ... }.'
        )
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items() if k != "name"}
    return Part(value["name"], options)


def members(folder: Folder, part: Part) -> tuple[Part, ...]:
    """The parts that a part is made of, where its module names the option that lists them in `made_of`."""
    listed = part.options.get(str(_declared(folder, part.name).get("made_of", "")), ())
    return tuple(as_part(value) for value in listed) if isinstance(listed, list | tuple) else ()


def image_text_model(backbone: Part) -> str | None:
    """The image-text model whose image encoder a backbone is; None: it is none."""
    return str(backbone.options["model"]) if has_trait("backbones", backbone, "image_text") else None


def imagenet_classifiers(backbone: Part) -> tuple[int, ...]:
    """Numbers of the EfficientNet-Lite networks whose ImageNet classifiers read a backbone's features; (): not all do.

    A backbone may be made of several; the features of a network with other weights or an earlier end are others.
    """
    inside = members("backbones", backbone) or (backbone,)
    numbers = [_declared("backbones", part.name).get("imagenet_classifier") for part in inside]
    original = all(part.options.keys() <= {"freeze", "drop_path"} for part in inside)
    return tuple(int(number) for number in numbers if number) if all(numbers) and original else ()


def scores_names(backbone: Part) -> bool:
    """Whether a backbone's features can be compared with class names."""
    return image_text_model(backbone) is not None or imagenet_classifiers(backbone) != ()


def loaded_models(recipe: Recipe) -> tuple[tuple[str, str], ...]:
    """The part and the path of each saved model or checkpoint that a recipe loads."""
    parts: list[tuple[Folder, Part]] = [("prepare", part) for part in recipe.prepare]
    parts += [("hierarchies", recipe.hierarchy)] if recipe.hierarchy is not None else []
    parts += [("losses", part) for stage in recipe.stages for part in stage.losses]
    named = [
        (f"{kind}/{p.name}", p.options.get(str(_declared(kind, p.name).get("loads_model", "")))) for kind, p in parts
    ]
    backbones = [recipe.backbone, *members("backbones", recipe.backbone)]
    named += [(f"backbones/{part.name}", part.options.get("weights")) for part in backbones]
    return tuple(dict.fromkeys((place, str(path)) for place, path in named if path is not None))


def uses_unlabelled(recipe: Recipe) -> bool:
    """Whether a recipe gains from images without a label: labelled before it trains, or as they are."""
    return trains_unlabelled(recipe) or any(has_trait("prepare", part, "uses_unlabelled") for part in recipe.prepare)


def trains_unlabelled(recipe: Recipe) -> bool:
    """Whether a recipe trains on images that have no label then: its head, a loss or the augmentation."""
    learns = any(stage_uses_unlabelled(recipe, stage) for stage in recipe.stages)
    return learns or has_trait("heads", recipe.head, "uses_unlabelled")


def stage_uses_unlabelled(recipe: Recipe, stage: Stage) -> bool:
    """Whether a stage trains on images that have no label: a loss or the augmentation says so."""
    return any(has_trait("losses", part, "uses_unlabelled") for part in stage.losses) or asks_teacher(recipe)


def asks_teacher(recipe: Recipe) -> bool:
    """Whether an augmentation gets pixel labels of the images without a mask from the network with averaged weights."""
    return recipe.ema is not None and any(has_trait("augment", part, "asks_teacher") for part in recipe.augment)


def uses_unmasked(recipe: Recipe) -> bool:
    """Whether a recipe that learns from masks also learns from images without one."""
    losses = [part for stage in recipe.stages for part in stage.losses]
    return asks_teacher(recipe) or any(has_trait("losses", part, "uses_unmasked") for part in losses)


def without_probabilities(recipe: Recipe) -> Iterator[tuple[Folder, Part]]:
    """The parts that learn from labels and not from class probabilities: a fitted head, and losses."""
    if has_trait("heads", recipe.head, "fitted") and not has_trait("heads", recipe.head, "soft_targets"):
        yield "heads", recipe.head
    for part in (part for stage in recipe.stages for part in stage.losses):
        if not has_trait("losses", part, "soft_targets"):
            yield "losses", part


def without_candidates(recipe: Recipe) -> Iterator[tuple[Folder, Part]]:
    """The parts that do not fit images with candidates in place of a label.

    Besides a fitted head and losses that need a label these are parts that mix such images, or guess their labels.
    """
    if has_trait("heads", recipe.head, "fitted") and not has_trait("heads", recipe.head, "candidates"):
        yield "heads", recipe.head
    for part in (part for stage in recipe.stages for part in stage.losses):
        if not has_trait("losses", part, "candidates"):
            yield "losses", part
    for part in recipe.augment:
        if has_trait("augment", part, "mixes_images"):
            yield "augment", part
    for part in recipe.prepare:
        if has_trait("prepare", part, "uses_unlabelled") and not has_trait("prepare", part, "candidates"):
            yield "prepare", part


def weighs_images(recipe: Recipe, kind: Kind) -> bool:
    """Whether weights of images have an effect: the training loop has them, and a few of the fitted heads."""
    soft = kind == "multiclass" and has_trait("heads", recipe.head, "soft_targets")
    return soft or not has_trait("heads", recipe.head, "fitted")


def reads_masks(recipe: Recipe) -> bool:
    """Whether a loss of the recipe learns from masks."""
    return any(has_trait("losses", part, "reads_masks") for stage in recipe.stages for part in stage.losses)


def needs_masks(recipe: Recipe) -> bool:
    """Whether an image without a mask teaches the recipe nothing: all its losses learn from masks."""
    losses = [part for stage in recipe.stages for part in stage.losses]
    return bool(losses) and all(has_trait("losses", part, "reads_masks") for part in losses)
