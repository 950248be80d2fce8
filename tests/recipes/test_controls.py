"""A recipe and the one that it is compared with differ in what its header names, and in nothing else."""

import tomllib
from importlib import resources
from typing import Any

import pytest

from handful.recipes.load import load_recipe, recipe_names
from handful.recipes.purposes import HEADER
from handful.recipes.write import to_tree

TEXTS = {
    name: (resources.files("handful.recipes") / "builtin" / f"{name}.toml").read_text(encoding="utf-8")
    for name in recipe_names()
}
METHODS = [name for name, text in TEXTS.items() if HEADER.search(text)]


def differences(tree: Any, base: Any, path: str = "") -> set[str]:
    """Paths of the values in which two trees differ. Lists of parts are values; stages are counted through."""
    if isinstance(tree, dict) and isinstance(base, dict) and path != "search.":
        return set().union(*(differences(tree.get(k), base.get(k), f"{path}{k}.") for k in tree.keys() | base.keys()))
    if path == "stages." and len(tree) == len(base):
        return set().union(*(differences(*pair, f"{path}{i}.") for i, pair in enumerate(zip(tree, base, strict=True))))
    return {path} if tree != base else set()


@pytest.mark.parametrize("name", METHODS)
def test_a_method_differs_from_its_control_in_what_its_header_names(name: str) -> None:
    (header,) = HEADER.finditer(TEXTS[name])
    tree, base = to_tree(load_recipe(name)), to_tree(load_recipe(header["base"]))
    found = {path for path in differences(tree, base) if not path.startswith(("name.", "about."))}
    named = [f"{key}." for key in header["keys"].split(", ")]
    assert {path for path in found if not path.startswith(tuple(named))} == set(), "not in the header"
    assert [key for key in named if not any(path.startswith(key) for path in found)] == [], "named, but equal"


def test_every_recipe_that_extends_another_names_what_it_changes() -> None:
    extended = {name: tomllib.loads(text).get("extends") for name, text in TEXTS.items()}
    for name, base in extended.items():
        header = HEADER.search(TEXTS[name])
        assert base is None or (header is not None and header["base"] == base), name
    # An option of the control cannot be taken away by extending it, so this one is written in full.
    assert {name for name in METHODS if extended[name] is None} == {"vipf-small"}


@pytest.mark.parametrize("size", ["", "-resnet", "-wrn"])
@pytest.mark.parametrize("kind", ["cvs", "cvs-joint", "multitask"])
def test_methods_have_the_augmentation_batch_and_budget_of_the_control(kind: str, size: str) -> None:
    method, control = load_recipe(f"{kind}{size}"), load_recipe(f"classification{size}")
    for field in ("augment", "batch_size", "fill_batch", "image_size", "resize", "ema", "labels"):
        assert getattr(method, field) == getattr(control, field), field
    assert [s.steps for s in method.stages] == [s.steps for s in control.stages]
    assert [s.schedule for s in method.stages] == [s.schedule for s in control.stages]
    assert method.backbone.options.get("norm") == control.backbone.options.get("norm")
