"""Serialization of recipes: plain values, TOML text, and the fingerprint of what determines the training."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import tomli_w

from handful.core.recipe import Optimizer, Part, Recipe, Stage, View
from handful.recipes.renamed import former_path, to_former

LATER = {"peers": Recipe.peers}  # options added later are left out at their default: fingerprints of older recipes stay


def to_tree(recipe: Recipe) -> dict[str, Any]:
    """A recipe as nested plain values, the shape of its TOML; None values are left out."""
    tree: dict[str, Any] = {"name": recipe.name, "about": dict(recipe.about)}
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if field.name in tree or value is None or value in ((), {}) or LATER.get(field.name) == value:
            continue
        if isinstance(value, Part):
            tree[field.name] = _part_tree(value)
        elif field.name == "stages":
            tree["stages"] = [_stage_tree(stage) for stage in value]
        elif isinstance(value, tuple) and isinstance(value[0], Part):
            tree[field.name] = [_part_tree(part) for part in value]
        else:
            tree[field.name] = _plain(value)
    return tree


def to_toml(recipe: Recipe) -> str:
    """A recipe as TOML text; `from_toml` gives it back."""
    return tomli_w.dumps(to_tree(recipe))


def fingerprint(recipe: Recipe) -> str:
    """Hash, 12 hex digits, of what determines the training: all but the name, `about` and the search space."""
    tree = {k: v for k, v in to_former(to_tree(recipe)).items() if k not in ("name", "about", "search")}
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()[:12]


def stored_paths(recipe: Recipe) -> dict[str, str]:
    """Each path of the search space, and the path under which tuning studies store it."""
    tree = to_tree(recipe)
    return {path: former_path(tree, path) for path in recipe.search}


def _part_tree(part: Part) -> dict[str, Any]:
    tree: dict[str, Any] = {"name": part.name, **_plain(part.options)}
    defaults = Part(part.name)
    for key in ("weight", "start", "stop"):
        if getattr(part, key) != getattr(defaults, key):
            tree[key] = getattr(part, key)
    return tree


def _stage_tree(stage: Stage) -> dict[str, Any]:
    """A stage as in TOML, without the defaults of options added later: fingerprints of older recipes stay valid."""
    tree = {k: v for k, v in asdict(stage).items() if v is not None}
    tree["losses"] = [_part_tree(part) for part in stage.losses]
    tree["optimizer"] = {k: v for k, v in asdict(stage.optimizer).items() if v is not None}
    if stage.optimizer.layer_decay == Optimizer.layer_decay:
        del tree["optimizer"]["layer_decay"]
    tree["views"] = tuple(_view_tree(view) for view in stage.views)
    defaults = {"sampler": Stage.sampler, "reset": (), "statistics": Stage.statistics, "views": ()}
    return {k: _plain(v) for k, v in tree.items() if k not in defaults or v != defaults[k]}


def _view_tree(view: View) -> dict[str, Any]:
    return {"augment": [_part_tree(part) for part in view.augment], "of": view.of, "source": view.source}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value
