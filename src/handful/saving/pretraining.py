"""What a recipe's backbone was pretrained on, in words: images that it has seen are scored too well."""

import re
from collections.abc import Mapping
from typing import Any

from handful.core.recipe import Part

IMAGENET = "ImageNet-1k (1.28 million photographs of 1,000 classes of animals, plants and objects)"
_LITE = re.compile(r"efficientnet_lite\d")
_LIBRARY = ("torchvision", "timm", "timm_pooled")
# Words of a tag such as "fb_dist_in1k", the first that is there: what comes last in it was trained on last.
_TAGS = {
    "in1k": IMAGENET,
    "in12k": "ImageNet-12k (photographs of 12,000 classes)",
    "in21k": "ImageNet-21k (photographs of 21,000 classes)",
    "in22k": "ImageNet-21k (photographs of 21,000 classes)",
    "lvd142m": "LVD-142M (142 million images from the web)",
    "lvd1689m": "LVD-1689M (1.7 billion images from the web)",
    "laion2b": "LAION-2B (2 billion pairs of image and text from the web)",
    "laion400m": "LAION-400M (400 million pairs of image and text from the web)",
    "datacomp": "DataComp (pairs of image and text from the web)",
    "webli": "WebLI (pairs of image and text from the web)",
    "openai": "400 million pairs of image and text from the web, which are not published",
}


def pretrained_on(backbone: Part) -> str | None:
    """The data that the backbone's weights were trained on; None: it begins with random weights, or has none."""
    options = backbone.options
    if backbone.name == "concat":
        return _of_several(options.get("backbones", ()))
    if options.get("weights"):
        return f"what its weights ({options['weights']}) were trained on"
    if _LITE.fullmatch(backbone.name):
        return IMAGENET if options.get("pretrained", True) else None
    if backbone.name == "image_text" and options.get("pretrained", True):
        return f"pairs of image and text from the web (the page of {options.get('model')} names them)"
    if backbone.name not in _LIBRARY or not options.get("pretrained", False):
        return None
    model = str(options.get("model", "resnet18"))
    if backbone.name == "torchvision":
        return IMAGENET
    words = re.split(r"[._]", model.partition(".")[2])
    data = [text for tag, text in _TAGS.items() if any(word.startswith(tag) for word in words)]
    return " and ".join(dict.fromkeys(data)) or f"a data set that the page of {model} in timm names"


def describe_pretraining(backbone: Part) -> str:
    """What the backbone was pretrained on and what follows for the score, in sentences; empty: nothing."""
    data = pretrained_on(backbone)
    if data is None:
        return ""
    return (
        f"The network behind it ({_name(backbone)}) was pretrained on {data}. Images of yours that may be among these, "
        "and classes that are, are scored too well: others will be right less often."
    )


def _of_several(members: Any) -> str | None:
    parts = [_as_part(member) for member in members]
    data = [text for text in map(pretrained_on, parts) if text is not None]
    return " and ".join(dict.fromkeys(data)) or None


def _as_part(member: Any) -> Part:
    if isinstance(member, Mapping):
        return Part(str(member.get("name", "")), {k: v for k, v in member.items() if k != "name"})
    return Part(str(member))


def _name(backbone: Part) -> str:
    if backbone.name == "concat":
        return " and ".join(_name(_as_part(member)) for member in backbone.options.get("backbones", ()))
    return str(backbone.options.get("model", backbone.name))
