"""Purposes of recipes, of which `about.purpose` names one, and the control of a recipe."""

import re
from dataclasses import dataclass

from handful.core.parsing import parse_toml
from handful.core.recipe import Recipe


@dataclass(frozen=True)
class Purpose:
    """What the recipes of a purpose have in common, when to take them, and the one to take first."""

    what: str
    when: str
    first: str


PURPOSES: dict[str, Purpose] = {  # in the order of the list: what most people need stands first
    "frozen features": Purpose(
        "a simple classifier on the features of a pretrained network",
        "first of all: photographs, few labels, seconds a run",
        "logistic",
    ),
    "drawings": Purpose(
        "a simple classifier on the directions of edges; nothing is pretrained",
        "for drawings, digits, symbols and other shapes: seconds a run",
        "logistic-hog",
    ),
    "unlabelled images": Purpose(
        "learns from images without a label, too",
        "when many more images of the same kind are unlabelled",
        "pseudo-labels",
    ),
    "fine-tuned": Purpose(
        "a pretrained network, trained further",
        "for photographs with ten or more images per class, and minutes to spend",
        "fine-tuned",
    ),
    "random weights": Purpose(
        "a network trained from random weights",
        "for small images unlike photographs: digits, symbols",
        "classification-wrn",
    ),
    "masks": Purpose(
        "learns from outlines of the object as well (CvS, multi-task)",
        "when there are masks, or a plain background from which they follow",
        "cvs",
    ),
    "soft labels": Purpose(
        "compares images with word vectors of the class names",
        "when the names are words, and similar classes have similar names",
        "soft-labels",
    ),
    "long tails": Purpose(
        "weighs classes of very different size",
        "when a rare class matters as much as a frequent one",
        "ldam-drw-wrn",
    ),
    "wrong labels": Purpose(
        "learns less from labels that contradict the other images",
        "when a good part of the labels is wrong, and nobody can look them through",
        "confident-learning",
    ),
    "several labels": Purpose(
        "learns from several labels per image of which many are not known",
        "when lists of labels are far from complete; first of all try logistic, which takes several labels too",
        "soft-teacher",
    ),
    "numbers": Purpose(
        "learns numbers, such as an age or an area, of which some are rare",
        "when a rare number matters as much as a frequent one; first of all try ridge, which takes numbers too",
        "label-density",
    ),
    "bags": Purpose(
        "learns from labels of bags of images, such as the tiles of a slide",
        "when a label says that something is in one of many images, and not in which",
        "bag-mean",
    ),
    "class names": Purpose(
        "learns from no image",
        "when there are no labels yet; needs the weights of CLIP",
        "zero-shot",
    ),
    "controls": Purpose(
        "what every method has to beat",
        "in each comparison",
        "logistic-pixels",
    ),
    "paper-sized": Purpose(
        "networks and budgets as the papers have them",
        "to reproduce a paper, on a GPU",
        "paper-cvs-wrn",
    ),
}
HEADER = re.compile(r"^# Differs from (?P<base>[\w-]+) in: (?P<keys>[\w., ]+)\.$", re.MULTILINE)


@dataclass(frozen=True)
class Control:
    """The recipe that a recipe is to be compared with, and the keys in which they differ, where these are stated."""

    name: str
    keys: tuple[str, ...] = ()


def control_of(text: str) -> Control | None:
    """The control of a recipe by its TOML text: what its header or `extends` names; None without either."""
    header = HEADER.search(text)
    if header is not None:
        return Control(header["base"], tuple(header["keys"].split(", ")))
    base = parse_toml(text).get("extends")
    return Control(base) if isinstance(base, str) else None


def purpose_of(recipe: Recipe) -> str | None:
    """The purpose that a recipe's `about` names; None without one of the list."""
    purpose = recipe.about.get("purpose")
    return purpose if purpose in PURPOSES else None
