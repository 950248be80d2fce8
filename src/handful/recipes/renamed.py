"""Former names of recipes, parts, options and option values, so that what is written with them is still read.

Recipes, overrides and search paths are translated to the current names right after parsing. What is hashed or stored by
name or path (fingerprints, results logs, plans, tuning studies) keeps the former names: logs and studies that are older
than a name go on. Whoever renames a recipe or something in a part adds it to these tables.
"""

from collections.abc import Callable, Mapping
from typing import Any

from handful.errors import RecipeError

Tree = dict[str, Any]

RECIPES: Mapping[str, str] = {  # former name of a recipe, with its backbone's; current name
    f"{name}-lite0": name
    for name in (
        "classification",
        "cvs",
        "cvs-frozen-norm",
        "cvs-full",
        "cvs-head-first",
        "cvs-joint",
        "cvs-layer-decay",
        "fine-tuned",
        "frozen-norm",
        "full",
        "head-first",
        "knn",
        "label-propagation",
        "layer-decay",
        "lda",
        "logistic",
        "multitask",
        "nearest-centroid",
        "pseudo-labels",
        "ridge",
        "self-training",
        "soft-labels",
        "soft-labels-frozen-norm",
        "soft-labels-full",
        "soft-labels-head-first",
        "soft-labels-layer-decay",
        "tip-adapter",
    )
}
FOLDERS = {  # key of a part, or of a list of parts, in a recipe: the folder of these parts
    "backbone": "backbones",
    "head": "heads",
    "labels": "labels",
    "hierarchy": "hierarchies",
    "prepare": "prepare",
    "augment": "augment",
    "losses": "losses",
    "posthoc": "posthoc",
}
PARTS: Mapping[str, Mapping[str, str]] = {  # folder: former name of a part, current name
    "augment": {"colour": "color_jitter", "shift_zoom": "translate_scale", "turn": "rotation"},
    "posthoc": {"tau_normalisation": "tau_normalization"},
}
_CENTER = {"centre": "center"}
_NEIGHBORS = {"centre": "center", "neighbours": "neighbors"}
OPTIONS: Mapping[tuple[str, str], Mapping[str, str]] = {  # folder and current name of a part: former, current option
    ("augment", "affine"): {"turn": "degrees", "shift": "translate", "zoom": "scale"},
    ("augment", "translate_scale"): {"shift": "translate", "zoom": "scale"},
    ("heads", "knn"): _NEIGHBORS,
    ("heads", "label_propagation"): _NEIGHBORS,
    ("heads", "lda"): _CENTER,
    ("heads", "logistic"): _CENTER,
    ("heads", "nearest_centroid"): _CENTER,
    ("heads", "pseudo_labels"): _NEIGHBORS,
    ("heads", "ridge"): _CENTER,
    ("heads", "tip_adapter"): _CENTER,
    ("prepare", "binarize"): {"colour": "color"},
}
VALUES: Mapping[tuple[str, str, str], Mapping[str, str]] = {  # folder, part and option: former, current value
    ("prepare", "binarize", "rule"): {"colour": "color"},
    ("prepare", "pseudo_label", "recipe"): RECIPES,
}


def current_name(name: str) -> str:
    """The name of a recipe, by any name that it ever had."""
    return RECIPES.get(name, name)


def stored_name(name: str) -> str:
    """The first name that a recipe had, under which results logs, plans and tuning studies have it."""
    return _inverse(RECIPES).get(name, name)


def to_current(tree: Tree, where: str, *, base: Tree | None = None) -> Tree:
    """A parsed recipe with all names current.

    Args:
        tree: nested plain values, the shape of a recipe's TOML; it is not changed.
        where: the recipe's name or file, for errors.
        base: the recipe that this one extends, which names the parts whose options alone are given here.

    Raises:
        RecipeError: an option is given under both its names.
    """

    def change(key: str, part: Any) -> Any:
        folder = FOLDERS[key]
        if isinstance(part, str):
            return _current_part(folder, part)
        if not isinstance(part, dict):
            return part
        inherited = (base or {}).get(key)
        name = part.get("name", inherited.get("name") if isinstance(inherited, dict) else None)
        name = _current_part(folder, name)
        options = OPTIONS.get((folder, name), {}) if isinstance(name, str) else {}
        for former, current in options.items():
            if former in part and current in part:
                raise RecipeError(
                    f"{current!r} is given twice: {former!r} is its former name",
                    where=f"{where}: {key}",
                    remedy=f"leave {former!r} out.",
                )
        renamed = {options.get(option, option): value for option, value in part.items()}
        for option, value in renamed.items():
            renamed[option] = _value(VALUES.get((folder, str(name), option), {}), value)
        return {**renamed, "name": name} if "name" in part else renamed

    current = _with_parts(tree, change)
    if isinstance(current.get("name"), str):
        current["name"] = current_name(current["name"])
    if isinstance(current.get("search"), dict):
        current["search"] = _current_search(current, where)
    return current


def to_former(tree: Tree) -> Tree:
    """A recipe's plain values under the first names that everything had, for its fingerprint."""

    def change(key: str, part: Any) -> Any:
        folder, name = FOLDERS[key], part["name"]
        options = _inverse(OPTIONS.get((folder, name), {}))
        former = {
            options.get(option, option): _value(_inverse(VALUES.get((folder, name, option), {})), value)
            for option, value in part.items()
        }
        return {**former, "name": _inverse(PARTS.get(folder, {})).get(name, name)}

    return _with_parts(tree, change)


def current_path(tree: Tree, path: str) -> str:
    """The path of an option ("augment.0.degrees") by its current name, in a recipe whose parts have current names."""
    return _path(tree, path, lambda options: options)


def former_path(tree: Tree, path: str) -> str:
    """The path of an option by the first name that it had, as tuning studies store it."""
    return _path(tree, path, _inverse)


def _current_search(tree: Tree, where: str) -> Tree:
    search: Tree = {}
    for path, space in tree["search"].items():
        current = current_path(tree, path)
        if current in search or (current != path and current in tree["search"]):
            raise RecipeError(
                f"{current!r} is given twice: {path!r} is its former name",
                where=f"{where}: search",
                remedy=f"leave {path!r} out.",
            )
        values = VALUES.get((*_part_at(tree, current), current.rpartition(".")[2]), {})
        search[current] = [_value(values, choice) for choice in space] if isinstance(space, list) else space
    return search


def _with_parts(tree: Tree, change: Callable[[str, Any], Any]) -> Tree:
    """A copy of the tree in which every part is `change(key, part)`."""
    changed = dict(tree)
    for key in (key for key in FOLDERS if key in tree):
        value = tree[key]
        changed[key] = [change(key, part) for part in value] if isinstance(value, list) else change(key, value)
    for key in ("stages", "views"):
        if isinstance(tree.get(key), list):
            changed[key] = [_with_parts(t, change) if isinstance(t, dict) else t for t in tree[key]]
    return changed


def _path(tree: Tree, path: str, direction: Callable[[Mapping[str, str]], Mapping[str, str]]) -> str:
    keys, _, option = path.rpartition(".")
    options = direction(OPTIONS.get(_part_at(tree, path), {}))
    return f"{keys}.{options[option]}" if option in options else path


def _part_at(tree: Tree, path: str) -> tuple[str, str]:
    """Folder and name of the part whose option this is; empty where there is none."""
    node: Any = tree
    folder = ""
    for key in path.split(".")[:-1]:
        folder = FOLDERS.get(key, folder)
        if isinstance(node, list):
            node = node[int(key)] if key.isdigit() and int(key) < len(node) else None
        else:
            node = node.get(key) if isinstance(node, dict) else None
    return folder, str(node.get("name", "")) if isinstance(node, dict) else ""


def _current_part(folder: str, name: Any) -> Any:
    return _value(PARTS.get(folder, {}), name)


def _value(names: Mapping[str, str], value: Any) -> Any:
    return names.get(value, value) if isinstance(value, str) else value


def _inverse(names: Mapping[str, str]) -> dict[str, str]:
    return {current: former for former, current in names.items()}
