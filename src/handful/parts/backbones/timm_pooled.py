"""Feature vectors of a model of the timm library, as its own classifier reads them: no maps.

For heads that classify an image as a whole. Any model of the library will do; plain transformers (ViT, DINO, DINOv2,
DINOv3, CLIP, SigLIP) have five stages, all others one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.models.base_weights import mark_base_weights
from handful.models.timm_models import MODEL_ERRORS, hub_repository, pretrained_config, required_size, weight_options
from handful.parts.backbones._adaptation import (
    NOT_ADAPTED,
    PROMPTS,
    AdaptationOptions,
    Method,
    reason_not_adapted,
    refuse_without_package,
)
from handful.parts.backbones._adapted_stages import adapt_stages
from handful.parts.backbones._rectified import ends_rectified
from handful.parts.backbones._stages import Freeze, StageOutput, assemble, count_frozen_stages
from handful.parts.backbones._timm_checkpoint import load_model
from handful.parts.backbones._transformer import GROUPS, Token, default_token, is_transformer, split_transformer
from handful.parts.backbones._vector import STRIDE, to_maps
from handful.parts.backbones._weights import download_errors, load_exactly, read_checkpoint, refuse_large

signed = True
HERE = "backbones/timm_pooled"
ARGUMENTS = (  # of timm's models that may be given: numbers that say how large a network is, and how tokens are pooled
    "class_token",
    "depth",
    "depths",
    "dims",
    "embed_dim",
    "global_pool",
    "init_values",
    "layers",
    "mlp_ratio",
    "no_embed_class",
    "num_heads",
    "num_reg_tokens",
    "patch_size",
    "pre_norm",
    "qk_norm",
    "qkv_bias",
    "reg_tokens",
    "swiglu_mlp",
)
MAX_NUMBER, MAX_DEPTH = 16_384, 1000


class Pooled(nn.Module):
    """A model without its classifier, as one stage."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c 1 1"]:
        """Normalized images to vectors, as maps of one cell."""
        return to_maps(self.net.forward_head(self.net.forward_features(x), pre_logits=True))


def build(
    context: Context,
    *,
    model: str,
    pretrained: bool = False,
    weights: str | None = None,
    token: Token | None = None,
    freeze: Freeze = "none",
    args: Mapping[str, Any] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    adaptation: AdaptationOptions = NOT_ADAPTED,
) -> Backbone:
    """A timm model as a feature extractor of one vector per image.

    Args:
        context: the recipe's image size, which is the input size of a transformer; the model is checked on it.
        model: a timm name, with or without its tag, e.g. "vit_small_patch14_dinov2.lvd142m".
        pretrained: initialize with the library's weights.
        weights: initialize from a checkpoint of this model, or from the folder of a saved classifier with this
            backbone.
        token: of a transformer: "pooled", what its own classifier reads (the class token, the mean of the patch tokens
            or attention pooling), or "class_and_patches", the class token and the mean of the patch tokens side by
            side. None: the latter for models with a class token that were trained without labels, else the former.
        freeze: stages that are not trained: "none", "stem" (the first), "all", or a number.
        args: sizes of the model that differ from its name's, e.g. `embed_dim` and `depth`.
        mean: of the images' normalization, for each color channel; None: the model's.
        std: of the images' normalization, for each color channel; None: the model's.
        adaptation: options `adapt`, `rank`, `alpha`, `bottleneck` and `prompts`, see `AdaptationOptions`; the stages
            that are not frozen are adapted.

    Raises:
        RecipeError: the model is unknown, does not accept this image size, or cannot be adapted in this way.
        ValueError: options that exclude each other, or arguments out of range.
        WeightsError: the weights cannot be loaded, or are of another model.
    """
    if pretrained and weights is not None:
        raise ValueError("pretrained cannot be combined with weights")
    if token is not None and adaptation.adapt == "dynamic_prompt":
        raise ValueError("dynamic prompts are what is pooled: token cannot be combined with them")
    config = pretrained_config(model, where=HERE)
    sizes = checked_arguments(args)
    if adaptation.adapt is not None:
        _refuse_adaptation(model, sizes, adaptation.adapt)
    size = context.recipe.image_size
    sizes |= _input_size(model, sizes, size) if config.fixed_input_size else {}
    replaceable = adaptation.adapt is None
    loading = weight_options(model, config, where=HERE, replaceable=replaceable) if pretrained else {}
    net = _create(model, sizes | loading, replaceable=replaceable)
    tensors = {} if weights is None else read_checkpoint(weights, replaceable=replaceable)
    saved = {n.removeprefix("backbone."): t for n, t in tensors.items() if n.startswith("backbone.")}
    if weights is not None and not saved:
        load_model(net, tensors, model=model, config=config, where=weights)
    if is_transformer(net):
        stages = split_transformer(net, token or default_token(net, labelled=config.num_classes > 0))
    else:
        stages = [StageOutput(Pooled(net), int(net.num_features), STRIDE)]
    normalization = {"mean": mean or config.mean, "std": std or config.std}
    backbone = assemble(stages, stride=None, fuse=False, freeze=freeze, **normalization)
    if saved:
        load_exactly(backbone.network, saved, where=weights)
    if adaptation.adapt is not None:
        stages = adapt_stages(stages, adaptation, net, frozen=count_frozen_stages(freeze, len(stages)))
        backbone = assemble(stages, stride=None, fuse=False, freeze=freeze, **normalization)
        if pretrained or weights is not None:
            mark_base_weights(backbone.network, model)
    backbone.network.whole = True  # type: ignore[assignment]
    channels = _channels(backbone.network, model, size or config.input_size[-2:])
    return Backbone(backbone.network, channels, STRIDE, backbone.mean, backbone.std)


def stage_count(model: str, args: Mapping[str, Any] | None = None) -> int:
    """How many stages the backbone has that is built of a model.

    Raises:
        ValueError: as `checked_arguments`.
    """
    return GROUPS + 1 if is_transformer(_describe(model, checked_arguments(args))) else 1


@cache
def is_rectified(model: str) -> bool:
    """Whether the vectors of a model are never negative: a ReLU or its like is its last layer, as of ResNet, and of
    ConvNeXt or a transformer it is not.
    """
    net = _describe(model, {}).eval()
    size = pretrained_config(model, where=HERE).input_size[-2:]
    return ends_rectified(net, lambda x: net.forward_head(net.forward_features(x), pre_logits=True), size)


def unsuited(model: str, args: Mapping[str, Any] | None, method: Method) -> str | None:
    """Why a model cannot be adapted in a way; None: it can.

    Args:
        model: its name.
        args: its arguments.
        method: of `AdaptationOptions`.

    Raises:
        ValueError: as `checked_arguments`.
    """
    net = _describe(model, checked_arguments(args))
    return reason_not_adapted(net, method, transformer=is_transformer(net))


def _refuse_adaptation(model: str, args: Mapping[str, Any], method: Method) -> None:
    """Refuse an adaptation that the model, or this installation, does not allow.

    Raises:
        RecipeError: says why, and what can be adapted.
    """
    refuse_without_package(method, where=HERE)
    reason = unsuited(model, args, method)
    if reason is not None:
        suited = "a vision transformer" if method in PROMPTS else "a vision transformer or a ConvNeXt"
        raise RecipeError(
            f"{model} {reason} (adapt = {method!r})",
            where=HERE,
            remedy=f"use {suited}, such as vit_small_patch14_dinov2; or train the model itself, as the recipe "
            "fine-tuned does.",
        )


def checked_arguments(args: Mapping[str, Any] | None) -> dict[str, Any]:
    """Arguments of a timm model, which may come from a stranger's file.

    Raises:
        ValueError: an unknown argument, or one out of range.
    """
    checked: dict[str, Any] = {}
    for name, value in (args or {}).items():
        if name not in ARGUMENTS:
            raise ValueError(f"args takes {', '.join(ARGUMENTS)}, not {name!r}")
        values = value if isinstance(value, list | tuple) else (value,)
        most = MAX_DEPTH if name in ("depth", "depths", "layers") else MAX_NUMBER
        plain = all(isinstance(v, bool | str) or (isinstance(v, int | float) and 0 <= v <= most) for v in values)
        if not plain or len(values) > MAX_DEPTH:
            raise ValueError(f"{name} of args is {value!r}; numbers from 0 to {most} are possible")
        checked[name] = tuple(value) if isinstance(value, list) else value
    return checked


def _create(model: str, options: dict[str, Any], *, replaceable: bool) -> Any:
    """The model without its classifier.

    Raises:
        RecipeError: it cannot be built with these options.
        ValueError: it is too large.
        WeightsError: its weights cannot be downloaded.
    """
    plain = {k: v for k, v in options.items() if not k.startswith("pretrained")}
    try:
        parameters = sum(p.numel() for p in _describe(model, plain).parameters())
    except MODEL_ERRORS as error:
        raise RecipeError(
            f"{model} cannot be built{f' with {sorted(plain)}' if plain else ''} ({error})",
            where=HERE,
            remedy="set another image_size in the recipe, or use another model.",
        ) from error
    refuse_large(parameters)
    if "pretrained" in options:
        with download_errors(model, hub_id=hub_repository(model), replaceable=replaceable):
            return timm.create_model(model, num_classes=0, **options)
    return timm.create_model(model, num_classes=0, **options)


def _describe(model: str, args: dict[str, Any]) -> Any:
    """A model without memory for its weights."""
    with torch.device("meta"):
        return timm.create_model(model, num_classes=0, **args)


def _input_size(model: str, args: dict[str, Any], size: tuple[int, int] | None) -> dict[str, Any]:
    """Timm's option for the input size of a transformer: the recipe's, rounded up to whole patches.

    Raises:
        RecipeError: the recipe has no image size.
    """
    size = required_size(model, size, where=HERE)
    described = _describe(model, args)
    if not is_transformer(described):
        return {"img_size": size}
    h, w = (-(-side // patch) * patch for side, patch in zip(size, described.patch_embed.patch_size, strict=True))
    return {"img_size": (h, w), "dynamic_img_size": False}


def _channels(network: nn.Module, model: str, size: tuple[int, int]) -> int:
    """The length of the vectors, for an image of this size.

    Raises:
        RecipeError: the model fails on such an image.
    """
    h, w = size
    network.eval()
    try:
        with torch.inference_mode():
            shape = tuple(network(torch.zeros(1, 3, h, w)).shape)
    except MODEL_ERRORS as error:
        raise RecipeError(
            f"{model} fails ({error}) on images of {h}x{w}",
            where=HERE,
            remedy="set another image_size in the recipe, or use another model.",
        ) from error
    network.train()
    return int(shape[1])
