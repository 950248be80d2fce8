"""Feature extractors of the timm library by name (https://github.com/huggingface/pytorch-image-models)."""

from contextlib import nullcontext
from functools import cache
from typing import Any

import timm
import torch
from timm.models._features import FeatureDictNet, FeatureGetterNet

from handful.core.context import Context
from handful.core.tensors import Backbone
from handful.errors import RecipeError
from handful.models.timm_models import MODEL_ERRORS, hub_repository, pretrained_config, required_size, weight_options
from handful.parts.backbones._extractor import sequential_modules, split_stages
from handful.parts.backbones._rectified import ends_rectified
from handful.parts.backbones._stages import Freeze, assemble
from handful.parts.backbones._weights import download_errors, load_checkpoint

signed = True
HERE = "backbones/timm"


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
    """A timm model as a feature extractor; its own mean and standard deviation normalize the images.

    Images whose sides are not multiples of the model's stride are padded by replicating the edge. The maps of a
    transformer (ViT, DINOv2, CLIP) are the last block's patch tokens after the final norm, without the class token.

    Args:
        context: the recipe's image size, which is the input size of a transformer; the model is checked on it.
        model: a timm name, with or without its tag, e.g. "resnet18" or "resnet18.a1_in1k".
        pretrained: initialize with the library's weights.
        weights: initialize from a checkpoint of this model, or from the folder of a saved classifier with this
            backbone.
        stride: pixels per map cell. A smaller one than the model's own removes the stages behind it; None: the model's.
        dilate: keep these stages and dilate their convolutions instead; `stride` is then 16 or 8 (None: 8).
        fuse: keep these stages and concatenate their enlarged maps to those at `stride`.
        freeze: stages that are not trained: "none", "stem" (the first), "all", or a number. Models that are not a plain
            sequence (transformers, HRNet) have one stage.

    Raises:
        RecipeError: the model is unknown, gives no maps, or does not accept this image size.
        ValueError: options that exclude each other.
        WeightsError: the weights cannot be loaded, or are of another model.
    """
    if (pretrained and weights is not None) or (dilate and fuse):
        raise ValueError("pretrained cannot be combined with weights, nor dilate with fuse")
    config = pretrained_config(model, where=HERE)
    options: dict[str, Any] = {}
    if dilate:
        stride = options["output_stride"] = 8 if stride is None else stride
    if config.fixed_input_size:
        options["img_size"] = _fixed_size(model, context.recipe.image_size)
    loading = weight_options(model, config, where=HERE) if pretrained else {}
    net = _create(model, options | loading)
    modules = sequential_modules(net)
    if fuse and modules is None:
        raise ValueError(f"fuse is for models that are a plain sequence of stages, which {model} is not")
    strides = list(net.feature_info.reduction())
    if modules is None and isinstance(net, FeatureDictNet) and stride in strides[:-1]:
        last = max(i for i, s in enumerate(strides) if s == stride)
        net = _create(model, options | loading | {"out_indices": (net.feature_info.out_indices[last],)})
    stages = split_stages(net, stride=stride)
    backbone = assemble(stages, stride=stride, fuse=fuse, freeze=freeze, mean=config.mean, std=config.std)
    if weights is not None:
        with torch.device("meta"):
            model_names = {_flat_name(name) for name in timm.create_model(model).state_dict()}
        extractor_names = {_flat_name(name): name for name in net.state_dict()}

        def rename(name: str) -> str | None:
            flat = _flat_name(name)
            unused = flat in model_names and flat not in extractor_names
            return None if unused else extractor_names.get(flat, name)

        load_checkpoint(weights, net, backbone.network, rename=rename)
    _check_forward(backbone, model, context.recipe.image_size)
    return backbone


def sequence_strides(model: str) -> tuple[int, ...]:
    """The strides of a model's stages; empty for one that is not a plain sequence of stages, or gives no maps."""
    try:
        with torch.device("meta"):
            net: Any = timm.create_model(model, features_only=True)
        return tuple(net.feature_info.reduction()) if sequential_modules(net) is not None else ()
    except MODEL_ERRORS:
        return ()


@cache
def is_rectified(model: str, stride: int | None, *, fuse: bool) -> bool:
    """Whether the maps of a model are never negative: each stage that is read ends in a ReLU or its like."""
    try:
        with torch.device("meta"):
            whole: Any = timm.create_model(model, features_only=True)
            strides = list(whole.feature_info.reduction())
            last = {s: i for i, s in enumerate(strides) if s >= (stride or strides[-1])}
            read = list(last.values()) if fuse else [last[stride or strides[-1]]]
            nets = [timm.create_model(model, features_only=True, out_indices=(i,)).eval() for i in read]
    except MODEL_ERRORS:
        return False
    size = pretrained_config(model, where=HERE).input_size[-2:]
    return all(ends_rectified(net, net, size) for net in nets)


def _create(model: str, options: dict[str, Any]) -> Any:
    """The extractor of a model.

    Raises:
        RecipeError: the model gives no feature maps with these options.
    """
    try:
        with download_errors(model, hub_id=hub_repository(model)) if "pretrained" in options else nullcontext():
            net: Any = timm.create_model(model, features_only=True, **options)
            if isinstance(net, FeatureGetterNet) and len(set(net.feature_info.reduction())) == 1:
                # A plain transformer: its maps are the last block's patch tokens, as its final norm leaves them.
                net = FeatureGetterNet(timm.create_model(model, **options), out_indices=(-1,), norm=True)
            return net
    except MODEL_ERRORS as error:
        raise RecipeError(
            f"{model} gives no feature maps{f' with {sorted(options)}' if options else ''} ({error})",
            where=HERE,
            remedy="use a convolutional model, such as resnet18 or convnext_atto; not all can dilate.",
        ) from error


def _fixed_size(model: str, size: tuple[int, int] | None) -> tuple[int, int]:
    """Input size of a transformer: the recipe's image size, rounded up to a multiple of its stride.

    Raises:
        RecipeError: the recipe has no image size.
    """
    size = required_size(model, size, where=HERE)
    with torch.random.fork_rng():
        stride = _create(model, {}).feature_info.reduction()[-1]
    h, w = (-(-side // stride) * stride for side in size)
    return h, w


def _flat_name(name: str) -> str:
    """A tensor's name without container prefixes, the same in the model and in its extractor."""
    for prefix in ("model.", "body."):
        name = name.removeprefix(prefix)
    return name.replace(".", "_")


def _check_forward(backbone: Backbone, model: str, size: tuple[int, int] | None) -> None:
    """Check the shape of the maps for the recipe's image size, or for two sizes where it has none, before training.

    Raises:
        RecipeError: the model fails on such images, or its maps have another shape.
    """
    network = backbone.network.eval()
    for h, w in [size] if size else [(64, 64), (96, 65)]:
        expected = (1, backbone.channels, -(-h // backbone.stride), -(-w // backbone.stride))
        try:
            with torch.inference_mode():
                shape = tuple(network(torch.zeros(1, 3, h, w)).shape)
            fault = "" if shape == expected else f"gives maps of shape {shape[1:]}, not {expected[1:]}"
        except MODEL_ERRORS as error:
            fault = f"fails ({error})"
        if fault:
            raise RecipeError(
                f"{model} {fault} on images of {h}x{w}",
                where=HERE,
                remedy="set another image_size in the recipe, or use another model.",
            )
    network.train()
