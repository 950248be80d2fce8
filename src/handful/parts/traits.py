"""Look parts up by file name, and the traits that their modules declare; part folders may import this module."""

from functools import cache
from importlib import import_module, resources
from types import ModuleType
from typing import Literal, get_args

from handful.core.recipe import Part
from handful.errors import RecipeError, nearest

Folder = Literal["prepare", "labels", "hierarchies", "augment", "backbones", "heads", "losses", "posthoc"]
FOLDERS: tuple[Folder, ...] = get_args(Folder)
# What a part's module may declare of itself, as `mixes_images = True`. No other lower-case constants stand in it.
TRAITS: dict[Folder, dict[str, str]] = {
    "prepare": {
        "makes_masks": "gives masks to samples that have none",
        "automatic": "makes masks without a person's: annotating them costs no time",
        "uses_unlabelled": "gains from images without a label",
    },
    "labels": {
        "reads_names": "a class's vector follows from its name, so that classes can be added later",
    },
    "hierarchies": {},
    "augment": {
        "mixes_images": "an image that comes out depends on others of its batch",
        "erases_pixels": "paints over pixels, which lose their labels",
    },
    "backbones": {
        "made_of": "the name of the option that lists the backbones it is made of",
    },
    "heads": {
        "class_weights": "scores classes by one linear layer to the labels' vectors: `linear` or `classify.linear`",
        "fitted": "is fitted to the features of a frozen backbone, not trained",
        "own_classes": "has class vectors of its own and reads none of the labels'",
        "segments": "gives a score of every class for every pixel: `Output.pixels`",
        "uses_unlabelled": "learns from images without a label",
    },
    "losses": {
        "compares_labels": "reads the labels' class vectors",
        "mixes_images": "an image's loss depends on others of its batch",
        "needs_hierarchy": "reads the recipe's hierarchy of the classes",
        "needs_prototypes": "reads the distances of a head with prototypes",
        "reads_images": "reads the images, not only what the network says of them",
        "reads_masks": "learns from pixel labels, and needs a head that segments",
        "trains_no_classifier": "leaves the head's class scores untrained",
        "uses_unlabelled": "learns from images without a label",
    },
    "posthoc": {
        "calibrates": "is fitted to one network's predictions: nothing may change these afterwards",
        "joins_networks": "makes one classifier of several networks",
        "keeps_probabilities": "adds to a prediction and leaves its probabilities as they are",
        "needs_linear": "needs a head with the trait `class_weights`",
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
    if name not in names(folder):
        raise RecipeError(f"unknown part {name!r}", where=folder, remedy=nearest(name, names(folder)))
    return import_module(f"handful.parts.{folder}.{name}")


def has_trait(folder: Folder, part: Part, trait: str) -> bool:
    """Whether a part's module declares one of `TRAITS`, e.g. `mixes_images = True`."""
    assert trait in TRAITS[folder], f"{trait!r} is not a trait of {folder}"
    return bool(getattr(part_module(folder, part.name), trait, False))


def names_with(folder: Folder, trait: str) -> tuple[str, ...]:
    """Names of the parts in a folder that declare a trait."""
    return tuple(name for name in names(folder) if has_trait(folder, Part(name), trait))
