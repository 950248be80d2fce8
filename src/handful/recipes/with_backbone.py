"""A recipe on another backbone: the part, and what the backbone needs of the recipe.

`NAME@BACKBONE` names it: "logistic@resnet18.a1_in1k"; of a path, the last part. The image size becomes the backbone's;
frozen stages are counted from the last one, so that as many are trained as the recipe says; square roots of features
are left out where features are signed (they are for what a ReLU leaves; Yang, Liu and Xu 2021,
https://arxiv.org/abs/2101.06395). Recipes that its parts train (teachers, members of an ensemble) move along, unless
they are on another backbone on purpose.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from handful.core.recipe import Part
from handful.errors import RecipeError
from handful.parts import registry
from handful.recipes.backbone_names import DEFAULT, LITE, STRONGER, on_backbone, short_name, split_name
from handful.recipes.backbones import LITE_STAGES, WITH_MAPS, BackboneChoice, choose_backbone, is_adapted
from handful.recipes.read import read_recipe, recipe_text
from handful.recipes.write import to_tree

Tree = dict[str, Any]
NETWORK = ("name", "model", "backbones")  # options of a backbone that say which network it is
OPTIONS = ("rank", "alpha", "bottleneck", "prompts")  # of the adaptation of a backbone
REPLACEABLE = (*dict(LITE.values()), "concat", "hog", "image_text", "pixels", "timm", "timm_pooled")


def suits(recipe: str, choice: BackboneChoice) -> bool:
    """Whether a recipe that comes with handful can work with a backbone: fitted heads with any, others with some."""
    known = read_recipe(recipe_text(recipe), where=recipe)
    head = known.head
    if is_adapted(known.backbone):
        return _unadapted(known.backbone.options, choice) is None
    if registry.has_trait("heads", head, "fitted"):
        return choice.maps is not None or not known.backbone.options.get("fuse", False)
    return (choice.maps if registry.has_trait("heads", head, "segments") else choice.layers) is not None


def has_default_backbone(recipe: str) -> bool:
    """Whether a recipe that comes with handful is on the embedded backbone unless another is named."""
    return read_recipe(recipe_text(recipe), where=recipe).backbone.name == LITE[DEFAULT][0]


def put_backbone(tree: Tree, name: str) -> None:
    """Put a backbone into a recipe's tree, with what it needs.

    Raises:
        RecipeError: no such backbone, or the recipe cannot work with it.
        WeightsError: a file that is not there, or does not say which network it is of.
    """
    recipe = str(tree["name"])
    before = tree["backbone"]
    choice = choose_backbone(name)
    if before["name"] not in REPLACEABLE or tree.get("labels", {}).get("source") == "image_text":
        raise RecipeError(
            "this recipe is written for the backbone that it names",
            where=recipe,
            remedy="leave the other backbone out, or use a recipe such as logistic, fine-tuned or cvs.",
        )
    if name == DEFAULT and before["name"] == LITE[DEFAULT][0]:
        return
    head = Part(tree["head"]["name"])
    if "adapt" in before:
        tree["backbone"] = _adapted(before, choice, name, recipe)
    elif registry.has_trait("heads", head, "fitted"):
        tree["backbone"] = _fused(before, choice, name, recipe) if before.get("fuse") else dict(choice.vector)
        if not choice.rectified:
            tree["head"].pop("tukey", None)
    else:
        tree["backbone"] = _trained(
            before, choice, name, recipe, segments=registry.has_trait("heads", head, "segments")
        )
        if tree["backbone"].get("freeze", "none") == "none":
            tree["cache_views"] = 0
    if choice.size is not None:
        tree["image_size"] = list(choice.size)
    if choice.precision is not None:
        tree["precision"] = choice.precision
    _put_nested(tree, before, name)
    about = {k: v for k, v in tree.get("about", {}).items() if k not in ("expected", "time", "command")}
    tree["about"] = {**about, "what": f"{about.get('what', recipe)}, on {short_name(name)}", "expected": "not measured"}
    tree["name"] = on_backbone(recipe, short_name(name))


def _adapted(before: Mapping[str, Any], choice: BackboneChoice, name: str, recipe: str) -> dict[str, Any]:
    """The backbone of a recipe that adapts it.

    Raises:
        RecipeError: it cannot be adapted in this way.
    """
    reason = _unadapted(before, choice)
    if reason is not None:
        raise RecipeError(
            f"the backbone {name!r} {reason} (adapt = {before['adapt']!r})",
            where=recipe,
            remedy=f"use a vision transformer of timm, such as {STRONGER}, or a file of one; or a recipe that trains "
            "the backbone's own layers, such as fine-tuned.",
        )
    kept = {k: v for k, v in before.items() if k in ("adapt", *OPTIONS)}
    return {**choice.vector, **kept}


def _unadapted(before: Mapping[str, Any], choice: BackboneChoice) -> str | None:
    """Why a backbone cannot be adapted as a recipe says; None: it can."""
    table = choice.vector
    if table["name"] != "timm_pooled":
        return "is none that can be adapted: those are models of timm"
    from handful.parts.backbones.timm_pooled import unsuited

    return unsuited(table["model"], table.get("args"), before["adapt"])


def _fused(before: Mapping[str, Any], choice: BackboneChoice, name: str, recipe: str) -> dict[str, Any]:
    """The frozen backbone of a head that reads several of its stages.

    Raises:
        RecipeError: it has no stages that can be read.
    """
    if choice.maps is None:
        raise RecipeError(
            f"the backbone {name!r} gives no maps of an earlier stage",
            where=recipe,
            remedy=f"backbones that do: {WITH_MAPS}; or a recipe that reads the last features alone, such as logistic.",
        )
    return {**choice.maps, "stride": before["stride"], "fuse": True}


def _trained(
    before: Mapping[str, Any], choice: BackboneChoice, name: str, recipe: str, *, segments: bool
) -> dict[str, Any]:
    """The backbone of a head that is trained.

    Raises:
        RecipeError: it gives no maps, or cannot be trained.
    """
    table = choice.maps if segments else choice.layers
    if table is None:
        what = "gives no maps of 8 pixels a cell, which this recipe scores" if segments else "cannot be trained further"
        ways = f"backbones that can: {WITH_MAPS}; or a recipe that reads frozen features, such as logistic."
        raise RecipeError(f"the backbone {name!r} {what}", where=recipe, remedy=ways)
    maps = {k: before[k] for k in ("stride", "fuse") if k in before} if segments else {}
    if "expand" in before and table["name"] in dict(LITE.values()):
        maps["expand"] = before["expand"]
    freeze = _frozen(before.get("freeze", "none"), choice.stages)
    return {**table, **({} if "weights" in table and "stride" in table else maps), "freeze": freeze}


def _frozen(freeze: str | int, stages: int) -> str | int:
    """As many stages trained as of the five of the recipe's own backbone."""
    if freeze in ("none", "all"):
        return freeze
    trained = LITE_STAGES - (1 if isinstance(freeze, str) else freeze)
    return max(0, stages - trained) or "none"


def _put_nested(tree: Tree, before: Mapping[str, Any], name: str) -> None:
    """The recipes that parts train, teachers and members of an ensemble, move along with the recipe.

    One that names a backbone itself, as in "ridge@lite2", or is written for another than the recipe's own, stays.

    Args:
        tree: the recipe's, changed in place.
        before: the backbone that it had.
        name: of the other backbone.
    """

    def moved(nested: Any) -> Any:
        return on_backbone(nested, name) if isinstance(nested, str) and _follows(nested, before) else nested

    for folder, part in _parts(tree):
        for option, parameter in registry.nested_recipe_options(folder, part["name"]).items():
            value = part.get(option, parameter.default)
            if isinstance(value, str):
                part[option] = moved(value)
            elif isinstance(value, list | tuple) and value:
                part[option] = [moved(nested) for nested in value]


def _parts(tree: Tree) -> Iterator[tuple[registry.Folder, dict[str, Any]]]:
    """The tables of the parts that may train a recipe."""
    yield from (("prepare", part) for part in tree.get("prepare", ()))
    if "hierarchy" in tree:
        yield "hierarchies", tree["hierarchy"]
    yield from (("losses", part) for stage in tree.get("stages", ()) for part in stage.get("losses", ()))
    yield from (("posthoc", part) for part in tree.get("posthoc", ()))


def _follows(nested: str, before: Mapping[str, Any]) -> bool:
    """Whether a recipe that is named without a backbone has the network that `before` has."""
    where, backbone = split_name(nested)
    if backbone is not None:
        return False
    try:
        own = to_tree(read_recipe(recipe_text(where), where=where))["backbone"]
    except RecipeError:
        return False  # refused by name where nested runs are looked up
    return all(own.get(key) == before.get(key) for key in NETWORK) and own.get("weights") in (
        None,
        before.get("weights"),
    )
