"""What the name of a backbone stands for: an embedded network, a model of a library, or a file of the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handful.core.recipe import Part
from handful.errors import HandfulError, WeightsError, by_interface, option
from handful.models.timm_models import cached_weights, pretrained_config, weight_options
from handful.parts import registry
from handful.recipes.backbone_files import TimmFolder, is_saved_classifier, read_timm_folder, transformers_size
from handful.recipes.backbone_names import (
    DEFAULT,
    LITE,
    SIMPLE,
    STRONGER,
    WHERE,
    as_path,
    check_timm_name,
    existing,
    is_hub_name,
    joined_names,
    model_and_file,
    unknown_backbone,
    without_hub,
)
from handful.recipes.read import read_recipe

Table = Mapping[str, Any]
JOINED_SIZE = (224, 224)  # of both: on CIFAR-10's training images as good as 260, at three quarters of the time
LITE_STAGES = 5
WITH_MAPS = "lite0, lite2, resnet18.a1_in1k, convnext_atto.d2_in1k"


@dataclass(frozen=True)
class BackboneChoice:
    """The backbone parts that a name stands for, each as a table of name and options.

    Attributes:
        vector: for heads that read one vector per image.
        layers: for heads that are trained together with the backbone's layers; None: it cannot be trained.
        stages: number of stages of `layers` and `maps`.
        maps: for heads that score pixels; None: it gives no maps that are fine enough.
        size: height and width of its input; None: the recipe's.
        precision: floating-point format; None: the recipe's.
        rectified: its features are not negative, as behind a ReLU.
    """

    vector: Table
    layers: Table | None = None
    stages: int = 1
    maps: Table | None = None
    size: tuple[int, int] | None = None
    precision: str | None = None
    rectified: bool = True


def choose_backbone(name: str) -> BackboneChoice:
    """The backbone of a name.

    Args:
        name: "lite0", "lite2", "pixels", "hog"; a timm name, with or without its tag; MODEL=FILE, a checkpoint of a
            timm model; the folder of a timm or transformers model, or of a saved classifier; the hub name of an
            image-text model; or several of these joined by "+".

    Raises:
        RecipeError: nothing has this name; with the nearest names.
        WeightsError: a file or folder that is not there, or does not say which network it is of.
    """
    if name in LITE:
        part, side = LITE[name]
        return BackboneChoice({"name": part}, {"name": part}, LITE_STAGES, {"name": part}, (side, side))
    if name in SIMPLE:
        return BackboneChoice({"name": name}, size=(32, 32), precision="fp32", rectified=is_rectified(Part(name)))
    path = as_path(name)
    if path is not None:
        return _of_path(path)
    if "+" in name:
        joined = _joined([choose_backbone(member) for member in joined_names(name)])
        return replace(joined, size=JOINED_SIZE) if set(name.split("+")) == set(LITE) else joined
    if "=" in name:
        model, file = model_and_file(name)
        return _of_timm(TimmFolder(_timm_name(model), str(existing(Path(file)))))
    if is_hub_name(name):
        return BackboneChoice({"name": "image_text", "model": name}, size=transformers_size(name), rectified=False)
    return _of_timm(TimmFolder(_timm_name(without_hub(name)), None))


def check_weights(backbone: Part) -> None:
    """Refuse a timm backbone whose pretrained weights are not there, if the hub does not answer, before any training.

    Raises:
        WeightsError: says how to bring them.
    """
    for member in registry.members("backbones", backbone):
        check_weights(member)
    if not (is_timm(backbone) and backbone.options.get("pretrained")):
        return
    model = backbone.options["model"]
    config, replaceable = pretrained_config(model, where=f"backbones/{backbone.name}"), not is_adapted(backbone)
    weight_options(model, config, where=model, replaceable=replaceable)


def stronger_backbone(*, network: bool) -> str | None:
    """What is stronger than the embedded backbone on photographs, and how to try it; None: it cannot be had.

    Args:
        network: the hub answers. Without it, weights in the hub's cache on this machine will do.
    """
    cached = cached_weights(pretrained_config(STRONGER, where=WHERE)) is not None
    if not (cached or network):
        return None
    had = "its weights are on this machine" if cached else "some 90 MB to download"
    adapted = by_interface(command="--recipe logistic --recipe lora", python='recipes=["logistic", "lora"]')
    return (
        f"On photographs DINOv2 is stronger ({had}): {option('backbone', f'{DEFAULT},{STRONGER}')} tries it beside the "
        f"embedded backbone, and {option('backbone', STRONGER)} with {adapted} also adapts it, best on a GPU."
    )


def is_timm(backbone: Part) -> bool:
    """Whether a backbone is a model of the timm library."""
    return backbone.name in ("timm", "timm_pooled")


def is_signed(backbone: Part) -> bool:
    """Whether features of a backbone with weights may be negative, which a square root is not for.

    The stages of an EfficientNet-Lite are: only the layer behind the last one ends in a ReLU.
    """
    if backbone.name not in dict(LITE.values()):
        return registry.has_trait("backbones", backbone, "signed")
    values = backbone.options
    cut = values.get("stride") not in (None, 32) and not values.get("dilate")
    return cut or bool(values.get("fuse")) or not values.get("expand", True)


def is_rectified(backbone: Part) -> bool:
    """Whether square roots are taken of a backbone's features: what a ReLU leaves, or counts of votes.

    Of timm's models the layers that run last decide: a ReLU ends ResNet, a norm ConvNeXt and transformers.

    Raises:
        RecipeError: timm has no such model.
    """
    if backbone.name in SIMPLE:
        return SIMPLE[backbone.name]
    if is_timm(backbone):
        from handful.parts.backbones import timm, timm_pooled

        values = backbone.options
        if backbone.name == "timm_pooled":
            return timm_pooled.is_rectified(values["model"])
        stride = None if values.get("dilate") else values.get("stride")  # dilated stages are kept
        return timm.is_rectified(values["model"], stride, fuse=bool(values.get("fuse")))
    return not is_signed(backbone)


def _stage_count(backbone: Part) -> int:
    """The number of stages, which can be frozen one by one; 1: it is one, or ends at an earlier stage.

    Raises:
        ValueError, HandfulError, KeyError: a model of timm that cannot be built with these options.
    """
    from handful.parts.backbones.timm import sequence_strides
    from handful.parts.backbones.timm_pooled import stage_count

    if backbone.name == "timm_pooled":
        return stage_count(backbone.options["model"], backbone.options.get("args"))
    if backbone.options.get("stride") is not None:
        return 1
    if backbone.name == "timm":
        return max(1, len(sequence_strides(backbone.options["model"])))
    return LITE_STAGES if backbone.name in dict(LITE.values()) else 1


def is_adapted(backbone: Part) -> bool:
    """Whether a backbone stays as it was pretrained, and something beside it learns."""
    return backbone.options.get("adapt") is not None


def _of_path(path: Path) -> BackboneChoice:
    """A file or folder of the user's own.

    Raises:
        WeightsError: it is not there, or does not say which network it is of.
    """
    existing(path)
    saved = next((folder for folder in (path, path / "model") if is_saved_classifier(folder)), None)
    if saved is not None:
        return _of_classifier(saved)
    described = read_timm_folder(path)
    if described is not None:
        return _of_timm(replace(described, model=_timm_name(described.model)))
    if path.is_dir() and (path / "config.json").is_file():
        size = transformers_size(str(path))
        return BackboneChoice({"name": "image_text", "model": str(path)}, size=size, rectified=False)
    raise WeightsError(
        "it does not say which network its weights are of",
        where=path,
        remedy=f"name the model, as in resnet18={path}, or put timm's config.json beside it.",
    )


def _of_classifier(folder: Path) -> BackboneChoice:
    """The backbone of a saved classifier, as it was trained.

    Raises:
        WeightsError: it has no weights of its own.
    """
    where = folder / "recipe.toml"
    recipe = read_recipe(where.read_text(encoding="utf-8"), where=str(where))
    part = recipe.backbone
    table = {"name": part.name, **{k: v for k, v in part.options.items() if k not in ("pretrained", "freeze")}}
    known = registry.options("backbones", part.name)
    if "weights" not in known or is_adapted(part):
        if part.name in SIMPLE:
            return replace(
                choose_backbone(part.name), vector={"name": part.name, **part.options}, size=recipe.image_size
            )
        if "model" in known and not is_adapted(part):
            rectified = is_rectified(part)
            return BackboneChoice({"name": part.name, **part.options}, size=recipe.image_size, rectified=rectified)
        raise WeightsError(
            f"the weights of its backbone {part.name!r} cannot be taken over",
            where=folder,
            remedy="name the backbone that it was trained with.",
        )
    table["weights"] = str(folder)
    segments = registry.has_trait("heads", recipe.head, "segments")
    maps = table if segments else None
    try:
        stages, rectified = _stage_count(part), is_rectified(part)
    except (HandfulError, ValueError, KeyError) as error:
        raise WeightsError(f"its backbone {part.name!r}: {error}", where=where, remedy="train it again.") from error
    return BackboneChoice(table, table, stages, maps, recipe.image_size, rectified=rectified)


def _timm_name(name: str) -> str:
    """A name of timm.

    Raises:
        RecipeError: it is none; with the nearest names of all kinds.
    """
    import timm

    check_timm_name(name)
    if not timm.is_model(name.partition(".")[0]):
        raise unknown_backbone(name)
    pretrained_config(name, where=WHERE)  # refuses an unknown tag
    return name


def _of_timm(found: TimmFolder) -> BackboneChoice:
    """A timm model with its pretrained weights, or with those of a file."""
    from handful.parts.backbones.timm import sequence_strides
    from handful.parts.backbones.timm_pooled import stage_count

    config: Any = pretrained_config(found.model, where=WHERE)
    weights = {"pretrained": True} if found.weights is None else {"weights": found.weights}
    plain: Table = {"name": "timm", "model": found.model, **weights}
    own = {"mean": found.mean, "std": found.std, "args": found.args or None}
    own = {k: v for k, v in own.items() if v is not None and v != getattr(config, k, None)}
    vector: Table = {"name": "timm_pooled", "model": found.model, **weights, **own}
    try:
        count = stage_count(found.model, found.args)
    except (HandfulError, ValueError) as error:
        raise WeightsError(str(error), where=found.weights, remedy="give a folder that timm has written.") from error
    strides = () if own else sequence_strides(found.model)
    rectified = is_rectified(Part("timm_pooled", vector))
    size: tuple[int, int] = found.size or tuple(config.input_size[-2:])
    if count > 1 or not strides:
        return BackboneChoice(vector, vector, count, None, size, rectified=rectified)
    return BackboneChoice(vector, plain, len(strides), plain if 8 in strides else None, size, rectified=rectified)


def _joined(members: list[BackboneChoice]) -> BackboneChoice:
    """Backbones side by side, at the largest of their sizes."""
    sizes = [member.size for member in members if member.size is not None]
    return BackboneChoice(
        {"name": "concat", "backbones": [dict(member.vector) for member in members]},
        size=max(sizes, default=None),
        rectified=all(member.rectified for member in members),
    )
