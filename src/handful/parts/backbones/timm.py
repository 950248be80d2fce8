"""Any feature extractor of the timm library by name, https://github.com/huggingface/pytorch-image-models."""

from contextlib import nullcontext
from typing import Any

import huggingface_hub
import timm
import torch
from timm.models._features import FeatureDictNet, FeatureGetterNet

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError, WeightsError, nearest
from handful.models.hub import reach
from handful.parts.backbones._extractor import levels_of, sequence
from handful.parts.backbones._stages import Freeze, assemble
from handful.parts.backbones._weights import OFFLINE, load_checkpoint, unavailable

HERE = "backbones/timm"
BROKEN = (AssertionError, AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError)


def build(
    context: Context,
    *,
    model: str,
    pretrained: bool = False,
    weights: str | None = None,
    stride: int | None = None,
    dilate: bool = False,
    fuse: bool = False,
    freeze: Freeze = "none",
) -> Backbone:
    """A timm model as a feature extractor; its own mean and deviation normalise the images.

    An image whose sides are no multiples of the model's stride is enlarged by repeating its edge. Of a transformer
    (ViT, DINOv2, CLIP) the maps are the last block's patch tokens behind the final norm, without the class token.

    Args:
        context: the recipe's image size decides the size of a transformer, and is tried out.
        model: a timm name, with or without its tag, e.g. "resnet18" or "resnet18.a1_in1k".
        pretrained: start from the library's weights.
        weights: start from a checkpoint of this model, or from the folder of a saved classifier with this backbone.
        stride: pixels per map cell; None: the model's own. A smaller one cuts the stages behind it off.
        dilate: keep these stages but spread their taps instead; `stride` is then 16 or 8 (None: 8).
        fuse: keep these stages and join their enlarged maps to those at `stride`.
        freeze: stages that do not learn: "none", "stem", "all", or a number. Models that are no plain sequence
            (transformers, HRNet) count as one stage.

    Raises:
        RecipeError: unknown model, one that gives no maps, or none of this image size.
        ValueError: options that do not go together.
        WeightsError: weights that cannot be had, or of another model.
    """
    if (pretrained and weights is not None) or (dilate and fuse):
        raise ValueError("pretrained does not go with weights, nor dilate with fuse")
    config = _config(model)
    options: dict[str, Any] = {}
    if dilate:
        stride = options["output_stride"] = 8 if stride is None else stride
    if config.fixed_input_size:
        options["img_size"] = _fixed_size(model, context.recipe.image_size)
    source = _source(model, config) if pretrained else {}
    net = _create(model, options | source)
    parts = sequence(net)
    if fuse and parts is None:
        raise ValueError(f"fuse is for models that are a plain sequence of stages, which {model} is not")
    strides = list(net.feature_info.reduction())
    if parts is None and isinstance(net, FeatureDictNet) and stride in strides[:-1]:
        at = max(i for i, s in enumerate(strides) if s == stride)
        net = _create(model, options | source | {"out_indices": (net.feature_info.out_indices[at],)})
    levels = levels_of(net, stride=stride)
    backbone = assemble(levels, stride=stride, fuse=fuse, freeze=freeze, mean=config.mean, std=config.std)
    if weights is not None:
        with torch.device("meta"):
            known = {_flat(name) for name in timm.create_model(model).state_dict()}
        own = {_flat(name): name for name in net.state_dict()}

        def rename(name: str) -> str | None:
            unused = _flat(name) in known and _flat(name) not in own
            return None if unused else own.get(_flat(name), name)

        load_checkpoint(weights, net, backbone.network, rename=rename)
    _try_out(backbone, model, context.recipe.image_size)
    return backbone


def _config(model: str) -> Any:
    """What timm knows of a model.

    Raises:
        RecipeError: nothing; with the nearest names.
    """
    base, _, tag = model.partition(".")
    if not timm.is_model(base):
        raise RecipeError(f"unknown model {base!r}", where=HERE, remedy=nearest(base, tuple(timm.list_models())))
    tagged = tuple(timm.list_pretrained(f"{base}.*"))
    if tag and model not in tagged:
        raise RecipeError(f"unknown weights {model!r}", where=HERE, remedy=nearest(model, tagged or (base,)))
    return timm.get_pretrained_cfg(model)


def _create(model: str, options: dict[str, Any]) -> Any:
    """The extractor of a known model."""
    try:
        with unavailable(model) if "pretrained" in options else nullcontext():
            net: Any = timm.create_model(model, features_only=True, **options)
            if isinstance(net, FeatureGetterNet) and len(set(net.feature_info.reduction())) == 1:
                # A plain transformer: its maps are the last block's patch tokens, as its final norm leaves them.
                net = FeatureGetterNet(timm.create_model(model, **options), out_indices=(-1,), norm=True)
            return net
    except BROKEN as error:
        raise RecipeError(
            f"{model} gives no feature maps{f' with {sorted(options)}' if options else ''} ({error})",
            where=HERE,
            remedy="take a convolutional model, such as resnet18 or convnext_atto; not all can dilate.",
        ) from error


def _source(model: str, config: Any) -> dict[str, Any]:
    """Options that make timm load its weights: from its cache without asking the hub, else from a hub that answers.

    Raises:
        WeightsError: there are none, or they are not in the cache and the hub does not answer.
    """
    if not (config.hf_hub_id or config.url or config.file):
        raise WeightsError(f"timm has no pretrained weights of {model}", where=HERE, remedy=OFFLINE)
    if config.hf_hub_id:
        for name in (config.hf_hub_filename or "model.safetensors", "pytorch_model.bin"):
            path = huggingface_hub.try_to_load_from_cache(config.hf_hub_id, name)
            if isinstance(path, str) and not config.custom_load:
                return {"pretrained": True, "pretrained_cfg_overlay": {"file": path}}
        with unavailable(config.hf_hub_id):
            reach()
    return {"pretrained": True}


def _fixed_size(model: str, size: tuple[int, int] | None) -> tuple[int, int]:
    """The image size a transformer is built for: the recipe's, up to the next multiple of its stride."""
    if size is None:
        raise RecipeError(
            f"{model} is built for one image size",
            where=HERE,
            remedy="set image_size = [h, w] in the recipe (--set image_size=[h,w]).",
        )
    with torch.random.fork_rng():
        stride = _create(model, {}).feature_info.reduction()[-1]
    h, w = (-(-side // stride) * stride for side in size)
    return h, w


def _flat(name: str) -> str:
    """A tensor's name, whether or not the extractor took the model's containers apart."""
    for prefix in ("model.", "body."):
        name = name.removeprefix(prefix)
    return name.replace(".", "_")


def _try_out(backbone: Backbone, model: str, size: tuple[int, int] | None) -> None:
    """Refuse a model that cannot take the recipe's images (none given: of two sizes), before training starts."""
    network = backbone.network.eval()
    for h, w in [size] if size else [(64, 64), (96, 65)]:
        promised = (1, backbone.channels, -(-h // backbone.stride), -(-w // backbone.stride))
        try:
            with torch.inference_mode():
                shape = tuple(network(torch.zeros(1, 3, h, w)).shape)
            fault = "" if shape == promised else f"gives maps of shape {shape[1:]}, not {promised[1:]}"
        except BROKEN as error:
            fault = f"fails ({error})"
        if fault:
            raise RecipeError(
                f"{model} {fault} on images of {h}x{w}",
                where=HERE,
                remedy="set another image_size in the recipe, or take another model.",
            )
    network.train()
