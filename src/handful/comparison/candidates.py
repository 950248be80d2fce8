"""Candidate recipes of a comparison: the methods that the data allows, and the controls that belong to them."""

from collections.abc import Sequence
from pathlib import Path

from handful.comparison.candidate_rules import apply_rules, traits_of
from handful.comparison.result import CandidateRecipe, Role
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.errors import ProtocolError, option
from handful.recipes.load import load_recipe
from handful.recipes.options import options_of

FEW = "nearest-centroid"  # the best at one image per class on other data: docs/measured.md
FEATURES = (FEW, "logistic")
CONTROL_OF = {  # backbone to the tuned cross-entropy on it
    "efficientnet_lite0": "classification",
    "wide_resnet": "classification-wrn",
    "dsk_resnext": "classification-resnext-small",
    "torchvision": "classification-resnet",
}
ZERO_SHOT = "zero-shot"
CONTROLS = (*FEATURES, "logistic-pixels", ZERO_SHOT, *CONTROL_OF.values())


def choose_candidates(
    data: Dataset,
    requested: Sequence[str | Path] = (),
    *,
    overrides: Sequence[str] = (),
    controls: bool = True,
    pretrained: bool = True,
    image_text: str | None = None,
) -> tuple[list[Recipe], list[CandidateRecipe]]:
    """Choose the recipes to compare.

    Args:
        data: decides which recipes are compared where none is requested.
        requested: recipe names or TOML files; empty: what the data allows.
        overrides: as for `load_recipe`, for every recipe.
        controls: include the controls, whatever is requested.
        pretrained: allow pretrained weights where nothing is requested.
        image_text: a CLIP-type model by folder or hub name: its zero-shot scores are one more control.

    Returns:
        The recipes, controls first; and every recipe that was considered, with the reason to take it or not.

    Raises:
        RecipeError: an unknown recipe or option.
        ProtocolError: nothing to compare, or a name twice.
    """
    if requested:
        methods = [load_recipe(name, overrides=overrides) for name in requested]
        refuse_duplicates(methods)
        candidates = [CandidateRecipe(m.name, role_of(m.name), True, "requested") for m in methods]
    else:
        resized = any(o.partition("=")[0].strip() == "image_size" for o in overrides)
        candidates = [
            c
            for c in apply_rules(traits_of(data), pretrained=pretrained, resized=resized)
            if controls or c.role == "method"
        ]
        methods = [load_recipe(c.recipe, overrides=overrides) for c in candidates if c.taken]
    considered = {c.recipe for c in candidates}
    if requested:  # the requested recipes decide whether pretrained weights are allowed
        pretrained = any(options_of(m).get("backbone.pretrained", False) for m in methods)
    for name, why in _controls(methods, pretrained).items():
        if name not in considered:
            candidates.append(
                CandidateRecipe(name, "control", controls, why if controls else option("controls", False))
            )
            methods += [load_recipe(name, overrides=overrides)] if controls else []
    if image_text is not None and ZERO_SHOT not in considered:
        candidates.append(CandidateRecipe(ZERO_SHOT, "control", True, f"control: class names alone ({image_text})"))
        model = (f"backbone.model={image_text}", f"labels.path={image_text}")
        methods.append(load_recipe(ZERO_SHOT, overrides=(*overrides, *model)))
    if not methods:
        raise ProtocolError(
            "no recipe besides the controls fits this data",
            where=option("controls", False),
            remedy="leave it out, name recipes, or give masks.",
        )
    ordered = sorted(methods, key=lambda m: role_of(m.name) == "method")
    return ordered, sorted(candidates, key=lambda c: (not c.taken, c.role == "method"))


def refuse_duplicates(recipes: Sequence[Recipe]) -> None:
    """Refuse recipes of one name.

    Raises:
        ProtocolError: a name twice.
    """
    names = [recipe.name for recipe in recipes]
    if len(set(names)) < len(names):
        duplicate = next(n for n in names if names.count(n) > 1)
        raise ProtocolError("is listed twice", where=duplicate, remedy="give each recipe a name of its own.")


def role_of(name: str) -> Role:
    """Whether a recipe is one of the controls."""
    return "control" if name in CONTROLS else "method"


def _controls(methods: Sequence[Recipe], pretrained: bool) -> dict[str, str]:
    """The controls that go with these methods, and why."""
    reasons: dict[str, str] = {}
    if pretrained:
        reasons |= dict.fromkeys(FEATURES, "control: the pretrained backbone's features, without training")
        reasons["classification"] = "control: tuned cross-entropy on the pretrained backbone"
    else:
        reasons["logistic-pixels"] = "control: logistic regression on raw pixels"
    for method in methods:
        control = CONTROL_OF.get(method.backbone.name)
        if control is not None and method.stages:
            reasons.setdefault(control, f"control: tuned cross-entropy on {method.name}'s backbone")
    if not pretrained:
        reasons.setdefault("classification-wrn", "control: tuned cross-entropy from random weights")
    return reasons
