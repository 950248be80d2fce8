"""Look parts up by file name and build them: the folder is the registry."""

import inspect
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module, resources
from types import ModuleType
from typing import Any, Literal, get_args

import torch

from handful.classifier import Network
from handful.errors import RecipeError, nearest
from handful.types import Context, LabelEmbedding, Part, Recipe, Task

Folder = Literal["prepare", "labels", "hierarchies", "augment", "backbones", "heads", "losses", "posthoc"]
FOLDERS: tuple[Folder, ...] = get_args(Folder)


def names(folder: Folder) -> tuple[str, ...]:
    """Names of the parts in a folder."""
    files = (f.name for f in resources.files(f"handful.{folder}").iterdir())
    return tuple(sorted(f[:-3] for f in files if f.endswith(".py") and not f.startswith("_")))


def find(folder: Folder, name: str) -> ModuleType:
    """The module of a part; a typo gets the nearest name back.

    Raises:
        RecipeError: there is no such part.
    """
    if name not in names(folder):
        raise RecipeError(f"unknown part {name!r}", where=folder, remedy=nearest(name, names(folder)))
    return import_module(f"handful.{folder}.{name}")


def options(folder: Folder, name: str) -> dict[str, inspect.Parameter]:
    """The options of a part: the keyword-only arguments of its `build`."""
    signature = inspect.signature(find(folder, name).build, eval_str=True)
    keywords = (p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY)
    return {p.name: p for p in keywords if p.name != "backbone"}


def marked(folder: Folder, part: Part, mark: str) -> bool:
    """Whether a part's module says this of itself, e.g. `mixes_images = True`."""
    return bool(getattr(find(folder, part.name), mark, False))


def check(folder: Folder, part: Part) -> None:
    """Refuse an unknown part or option, or a missing option, before anything is built.

    Raises:
        RecipeError: with the nearest known name.
    """
    known = options(folder, part.name)
    for option in part.options:
        if option not in known:
            remedy = nearest(option, tuple(known)) if known else "it takes no options."
            raise RecipeError(f"unknown option {option!r}", where=f"{folder}/{part.name}", remedy=remedy)
    for option, parameter in known.items():
        if parameter.default is parameter.empty and option not in part.options:
            raise RecipeError(f"option {option!r} is missing", where=f"{folder}/{part.name}", remedy="set it.")


def build(folder: Folder, part: Part, context: Context, **wiring: Any) -> Any:
    """Build a part. `wiring` is what the caller hands in beside the user's options (a head's backbone).

    Raises:
        RecipeError: unknown part or option, or an option's value that the part refuses.
    """
    check(folder, part)
    try:
        return find(folder, part.name).build(context, **wiring, **part.options)
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"an option has a value it cannot take: {error}",
            where=f"{folder}/{part.name}",
            remedy=f"its options are {', '.join(options(folder, part.name)) or 'none'}.",
        ) from error


def build_labels(recipe: Recipe, task: Task, *, seed: int = 0) -> LabelEmbedding:
    """The class vectors of a recipe, the first of its parts to be built.

    Raises:
        RecipeError: as `build`.
        DataError, WeightsError: class names or sources that give no vectors.
    """
    one_hot = LabelEmbedding(torch.eye(len(task.classes)))
    labels: LabelEmbedding = build("labels", recipe.labels, Context(task, one_hot, recipe, seed))
    return labels


def build_network(recipe: Recipe, context: Context) -> Network:
    """The untrained network of a recipe: backbone, head and labels, wired in one place."""
    backbone = build("backbones", recipe.backbone, context)
    return Network(backbone, build("heads", recipe.head, context, backbone=backbone), context.labels)


def replace_options(recipe: Recipe, backbone: Mapping[str, Any]) -> Recipe:
    """The recipe with other backbone options: a saved model is built bare, its weights come from its folder."""
    return replace(recipe, backbone=replace(recipe.backbone, options=dict(backbone)))
