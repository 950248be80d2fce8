"""Build parts, which are looked up by file name: the folder is the registry."""

import inspect
from collections.abc import Callable
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import torch

from handful.core.context import Context, Fit, NestedRun, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Part, Recipe
from handful.core.tensors import LabelEmbedding
from handful.errors import RecipeError, nearest
from handful.models.feature_cache import FeatureCache
from handful.models.network import Network
from handful.parts.traits import FOLDERS as FOLDERS
from handful.parts.traits import TRAITS as TRAITS
from handful.parts.traits import Folder as Folder
from handful.parts.traits import as_part as as_part
from handful.parts.traits import has_trait as has_trait
from handful.parts.traits import members as members
from handful.parts.traits import names as names
from handful.parts.traits import names_with as names_with
from handful.parts.traits import needs_masks as needs_masks
from handful.parts.traits import part_module as part_module
from handful.parts.traits import reads_masks as reads_masks
from handful.parts.traits import stage_uses_unlabelled as stage_uses_unlabelled
from handful.parts.traits import trains_unlabelled as trains_unlabelled
from handful.parts.traits import uses_unlabelled as uses_unlabelled

WIRED = ("backbone", "make")  # what the caller hands a part beside the user's options
NAMING = ("recipe", "recipes")  # options that name one recipe, or several, which a part trains


def options(folder: Folder, name: str) -> dict[str, inspect.Parameter]:
    """The options of a part: the keyword-only arguments of its `build`.

    A keyword whose type is a dataclass stands for the dataclass's fields, each of them an option: parts that share
    options, such as the transform of features, declare them once.
    """
    known: dict[str, inspect.Parameter] = {}
    for keyword in _keywords(folder, name):
        if not is_dataclass(keyword.annotation):
            known[keyword.name] = keyword
            continue
        hints = get_type_hints(keyword.annotation)
        for field in fields(keyword.annotation):
            default = getattr(keyword.default, field.name)
            known[field.name] = keyword.replace(name=field.name, default=default, annotation=hints[field.name])
    return known


@cache
def _keywords(folder: Folder, name: str) -> tuple[inspect.Parameter, ...]:
    """The keyword-only arguments of a part's `build` that recipes decide."""
    signature = inspect.signature(part_module(folder, name).build, eval_str=True)
    return tuple(p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY and p.name not in WIRED)


def _arguments(folder: Folder, part: Part) -> dict[str, Any]:
    """The keyword arguments of a part's `build`: its options, those of a dataclass gathered in one value."""
    arguments = dict(part.options)
    for keyword in _keywords(folder, part.name):
        if is_dataclass(keyword.annotation):
            names = [field.name for field in fields(keyword.annotation) if field.name in arguments]
            arguments[keyword.name] = replace(keyword.default, **{name: arguments.pop(name) for name in names})
    return arguments


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
    for inner in members(folder, part):
        check(folder, inner)
    for option, parameter in known.items():
        if parameter.default is parameter.empty and option not in part.options:
            raise RecipeError(f"option {option!r} is missing", where=f"{folder}/{part.name}", remedy="set it.")


def build(folder: Folder, part: Part, context: Context, **wiring: Any) -> Any:
    """Build a part. `wiring` is what the caller hands in beside the user's options (a head's backbone).

    A part that is made of others of its folder asks for `make`, which builds one of them.

    Raises:
        RecipeError: unknown part or option, or an option's value that the part refuses.
    """
    check(folder, part)
    maker = part_module(folder, part.name).build
    if "make" in inspect.signature(maker).parameters:
        wiring["make"] = lambda inner: build(folder, as_part(inner), context)
    try:
        return maker(context, **wiring, **_arguments(folder, part))
    except (TypeError, ValueError) as error:
        raise RecipeError(
            f"invalid option value: {error}",
            where=f"{folder}/{part.name}",
            remedy=f"its options are {', '.join(options(folder, part.name)) or 'none'}.",
        ) from error


def nested_runs(folder: Folder, part: Part, context: Context, data: Dataset) -> tuple[NestedRun, ...]:
    """The recipes that a part trains besides the one it stands in, each with the images it would train them on.

    Most parts train none. A part that trains a recipe of its own has a function `nested_runs(context, data, *, OPTION)`
    beside `build`, which takes those of the part's options that decide it.

    Raises:
        RecipeError: there is no such recipe, or the part cannot use it.
    """
    function = getattr(part_module(folder, part.name), "nested_runs", None)
    if function is None:
        return ()
    known, taken = options(folder, part.name), _keywords_of(function)
    return tuple(function(context, data, **{name: part.options.get(name, known[name].default) for name in taken}))


def nested_recipe_options(folder: Folder, name: str) -> dict[str, inspect.Parameter]:
    """The options by which a part names the recipes it trains: those of `NAMING` that its `nested_runs` takes."""
    function = getattr(part_module(folder, name), "nested_runs", None)
    if function is None:
        return {}
    known = options(folder, name)
    return {option: known[option] for option in _keywords_of(function) if option in NAMING}


def _keywords_of(function: Callable[..., Any]) -> list[str]:
    return [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]


def build_labels(recipe: Recipe, task: Task, *, seed: int = 0) -> LabelEmbedding:
    """The class vectors of a recipe, the first of its parts to be built.

    Raises:
        RecipeError: as `build`.
        DataError, WeightsError: class names or sources that give no vectors.
    """
    one_hot = LabelEmbedding(torch.eye(len(task.classes)))
    labels: LabelEmbedding = build("labels", recipe.labels, Context(task, one_hot, recipe, seed))
    return labels


def make_context(
    recipe: Recipe,
    task: Task,
    *,
    seed: int = 0,
    labels: LabelEmbedding | None = None,
    fit: Fit | None = None,
    load: Callable[[Path], Any] | None = None,
    named: Callable[[str], Recipe] | None = None,
    data: Dataset | None = None,
) -> Context:
    """The context that the parts of a recipe are built with.

    Args:
        recipe: whose parts are built.
        task: class names and counts of the training split.
        seed: of the run.
        labels: the class vectors; None: those of the recipe are built.
        fit: trains a network for a part; without it, parts that need one are refused.
        load: loads a saved classifier.
        named: looks a recipe up by name.
        data: the prepared training split.

    Raises:
        RecipeError, DataError, WeightsError: as `build_labels`.
    """
    labels = build_labels(recipe, task, seed=seed) if labels is None else labels
    return Context(task, labels, recipe, seed, fit, load, named, data)


def build_network(recipe: Recipe, context: Context) -> Network:
    """The untrained network of a recipe: backbone, head and labels, wired in one place."""
    backbone = build("backbones", recipe.backbone, context)
    network = Network(backbone, build("heads", recipe.head, context, backbone=backbone), context.labels)
    if has_trait("heads", recipe.head, "fitted"):
        fitted: Any = network.head
        if context.task.kind == "multilabel":
            fitted.set_multilabel()
        if context.task.scale is not None:
            fitted.set_scale(context.task.scale)
        bare = without_weights("backbones", recipe.backbone)
        network.cache = FeatureCache(
            {"backbone": asdict(bare), "channels": backbone.channels, "mean": backbone.mean, "std": backbone.std}
        )
    return network


def without_weights(folder: Folder, part: Part) -> Part:
    """The part built bare, its members too: the weights of a saved model come from its folder."""
    kept = {k: v for k, v in part.options.items() if k not in ("pretrained", "weights")}
    if "pretrained" in options(folder, part.name):
        kept["pretrained"] = False
    inside = members(folder, part)
    if inside:
        bare = [without_weights(folder, inner) for inner in inside]
        kept[part_module(folder, part.name).made_of] = tuple({"name": inner.name, **inner.options} for inner in bare)
    return replace(part, options=kept)
