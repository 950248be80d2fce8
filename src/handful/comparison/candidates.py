"""Candidate recipes of a comparison: the methods that the data allows, and the controls that belong to them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from handful.comparison.candidate_rules import apply_rules, traits_of
from handful.comparison.result import CandidateRecipe, Role
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.kind_checks import refuse_bags
from handful.errors import ProtocolError, option
from handful.recipes.backbone_names import DEFAULT, on_backbone, short_name, split_name
from handful.recipes.backbones import check_weights, choose_backbone
from handful.recipes.kinds import unfit_reason
from handful.recipes.load import load_recipe
from handful.recipes.options import options_of
from handful.recipes.renamed import current_name
from handful.recipes.with_backbone import has_default_backbone, suits

FEW = "nearest-centroid"  # the best at one image per class on other data: docs/measured/pretrained-features.md
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
    backbones: Sequence[str] = (),
    overrides: Sequence[str] = (),
    controls: bool = True,
    pretrained: bool = True,
    image_text: str | None = None,
) -> tuple[list[Recipe], list[CandidateRecipe]]:
    """Choose the recipes to compare.

    Args:
        data: decides which recipes are compared where none is requested.
        requested: recipe names or TOML files; empty: what the data allows.
        backbones: as for `load_recipe`: each recipe is compared on each of them that it can be used with, and the
            controls of the pretrained backbone too. Empty: the recipes' own.
        overrides: as for `load_recipe`, for every recipe.
        controls: include the controls, whatever is requested.
        pretrained: allow pretrained weights where nothing is requested.
        image_text: a CLIP-type model by folder or hub name: its zero-shot scores are one more control.

    Returns:
        The recipes, controls first; and every recipe that was considered, with the reason to take it or not.

    Raises:
        RecipeError: an unknown recipe, option or backbone.
        WeightsError: a backbone whose weights are not there.
        ProtocolError: nothing to compare, or a name twice.
        DataError: labels belong to bags, and no recipe is requested.
    """
    if requested:
        wanted = [on_backbone(str(name), b) for name in requested for b in backbones or (None,)]
        methods = [load_recipe(name, overrides=overrides) for name in wanted]
        refuse_duplicates(methods)
        candidates = [CandidateRecipe(m.name, role_of(m.name), True, "requested") for m in methods]
    else:
        refuse_bags(data, "a comparison")
        resized = any(o.partition("=")[0].strip() == "image_size" for o in overrides)
        allowed = [
            pair
            for rule in apply_rules(traits_of(data), pretrained=pretrained, resized=resized, backbones=bool(backbones))
            for pair in _on_backbones(rule, backbones)
            if controls or rule.role == "method"
        ]
        allowed += [pair for rule in _of_several_labels(data, pretrained) for pair in _on_backbones(rule, backbones)]
        allowed = [(fitting(candidate, data, name), name) for candidate, name in allowed]
        candidates = [candidate for candidate, _ in allowed]
        methods = [load_recipe(name, overrides=overrides) for candidate, name in allowed if candidate.taken]
    considered = {c.recipe for c in candidates}
    if requested:  # the requested recipes decide whether pretrained weights are allowed
        pretrained = bool(backbones) or any(options_of(m).get("backbone.pretrained", False) for m in methods)
    for name, why in _controls(methods, pretrained).items():
        reason = why if controls else option("controls", False)
        for control, full in _on_backbones(CandidateRecipe(name, "control", controls, reason), backbones):
            if control.recipe not in considered and (control.taken or not controls):
                control = fitting(control, data, full)
                candidates.append(control)
                methods += [load_recipe(full, overrides=overrides)] if control.taken else []
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
    for method in methods:
        check_weights(method.backbone)
    ordered = sorted(methods, key=lambda m: role_of(m.name) == "method")
    return ordered, sorted(candidates, key=lambda c: (not c.taken, c.role == "method"))


def _of_several_labels(data: Dataset, pretrained: bool) -> list[CandidateRecipe]:
    """Methods that are compared unasked where images have several labels, most of the others needing one each."""
    if data.kind != "multilabel" or not pretrained:
        return []
    why = "one-vs-rest on the pretrained backbone's features"
    return [CandidateRecipe(name, "method", True, why) for name in ("ridge", "knn")]


def fitting(candidate: CandidateRecipe, data: Dataset, name: str) -> CandidateRecipe:
    """The candidate, or why its recipe, loaded by this name, does not fit the kind of the data."""
    special = data.kind != "multiclass" or data.has_probabilities or data.has_weights or data.has_candidates
    if not candidate.taken or not special:
        return candidate
    why = unfit_reason(load_recipe(name), data)
    return candidate if why is None else replace(candidate, taken=False, why=why)


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
    return "control" if current_name(split_name(name)[0]) in CONTROLS else "method"


def _on_backbones(candidate: CandidateRecipe, backbones: Sequence[str]) -> list[tuple[CandidateRecipe, str]]:
    """The candidate on each backbone, or as it is where it has a backbone of its own; why not, where one is unfit.

    With each of them, the name that it is loaded by.
    """
    recipe = candidate.recipe
    if not backbones or not has_default_backbone(recipe):
        return [(candidate, recipe)]
    found = []
    for backbone in backbones:
        fits = suits(recipe, choose_backbone(backbone))
        why = candidate.why if fits else f"{backbone} gives no maps that are fine enough, or cannot be trained"
        name = recipe if backbone == DEFAULT else on_backbone(recipe, short_name(backbone))
        changed = replace(candidate, recipe=name, taken=candidate.taken and fits, why=why)
        found.append((changed, on_backbone(recipe, backbone)))
    return found


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
