"""Tiny data and recipes that the tests share: coloured squares that a small network learns in seconds."""

from dataclasses import replace

import numpy as np
import torch

from handful.core.context import Context, Task
from handful.core.dataset import Dataset, Sample
from handful.core.recipe import Recipe
from handful.core.tensors import LabelEmbedding
from handful.recipes.load import from_toml, load_recipe

CLASSES = ("blue", "green", "red")


def squares(
    per_class: int = 4, *, size: int = 12, seed: int = 0, masks: bool = True, split: str | None = None
) -> Dataset:
    """Images of one square in the class's colour on a noisy dark ground, with the square as mask."""
    rng = np.random.default_rng(seed)
    samples = []
    for label in range(len(CLASSES)):
        for i in range(per_class):
            image = rng.integers(0, 60, (3, size, size), dtype=np.uint8)
            top, left = rng.integers(0, size // 2, 2)
            mask = np.zeros((size, size), dtype=bool)
            mask[top : top + size // 2, left : left + size // 2] = True
            image[2 - label][mask] = 230
            name = f"{CLASSES[label]}/{seed}-{i}.png"
            samples.append(Sample(name, image, label, mask if masks else None, "hand" if masks else None, split=split))  # type: ignore[arg-type]
    return Dataset(tuple(samples), CLASSES)


def several_squares(n: int = 24, *, known: float = 1.0, seed: int = 0, split: str | None = None) -> Dataset:
    """Multilabel images: a square in the color of each class that is present; `known` is the share of known entries."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        image = rng.integers(0, 60, (3, 12, 12), dtype=np.uint8)
        target = (rng.random(3) < 0.5).astype(np.float32)
        for label in np.flatnonzero(target):
            top, left = rng.integers(0, 6, 2)
            image[2 - label, top : top + 6, left : left + 6] = 230
        target[rng.random(3) >= known] = np.nan
        samples.append(Sample(f"{seed}-{i:03d}.png", image, target=target, split=split))  # type: ignore[arg-type]
    return Dataset(tuple(samples), CLASSES, kind="multilabel")


def several_masked_squares(n: int = 24, *, named: bool = True, seed: int = 0, split: str | None = None) -> Dataset:
    """As `several_squares`, with masks where a class is present; `named`: they tell the classes apart."""
    data = several_squares(n, seed=seed, split=split)
    samples = []
    for sample in data.samples:
        image, target = np.asarray(sample.image), sample.target
        assert target is not None
        labels = np.zeros(image.shape[1:], dtype=np.int16)
        for label in np.flatnonzero(target):
            bright = image[2 - label] == 230
            labels = np.where(bright, np.where(labels > 0, len(CLASSES) + 1, label + 1), labels).astype(np.int16)
        masked = replace(sample, mask=labels > 0, mask_source="hand", mask_labels=labels if named else None)
        samples.append(masked if labels.any() else sample)
    return replace(data, samples=tuple(samples))


def numbered_squares(n: int = 24, *, known: float = 1.0, seed: int = 0, split: str | None = None) -> Dataset:
    """Images of a square on a dark ground with two numbers: its side in pixels, and its brightness in 0..255."""
    rng = np.random.default_rng(seed)
    samples = []
    for i in range(n):
        image = rng.integers(0, 20, (3, 12, 12), dtype=np.uint8)
        side, bright = int(rng.integers(2, 11)), int(rng.integers(80, 256))
        top, left = rng.integers(0, 13 - side, 2)
        image[:, top : top + side, left : left + side] = bright
        target = np.array([side, bright], dtype=np.float32)
        target[rng.random(2) >= known] = np.nan
        samples.append(Sample(f"{seed}-{i:03d}.png", image, target=target, split=split))  # type: ignore[arg-type]
    return Dataset(tuple(samples), ("side", "brightness"), kind="number")


def bags_of_squares(
    bags: int = 12, *, size: int = 5, seed: int = 0, split: str | None = None, folders: bool = False
) -> Dataset:
    """Bags of noise, of which every second one has a single image with a red square."""
    rng = np.random.default_rng(seed)
    samples = []
    for bag in range(bags):
        positive = bag % 2
        name = f"{('negative', 'positive')[positive]}/{seed}-{bag:02d}"
        for i in range(size):
            image = rng.integers(0, 60, (3, 12, 12), dtype=np.uint8)
            if positive and i == bag % size:
                image[0, 3:9, 3:9] = 250
            sample = Sample(f"{name}/{i}.png", image, label=positive, split=split)  # type: ignore[arg-type]
            samples.append(sample if folders else replace(sample, bag=f"{seed}-{bag:02d}"))
    return Dataset(tuple(samples), ("negative", "positive"), kind="multiclass" if folders else "bag")


RECIPE = """
batch_size = 6
precision = "fp32"
[backbone]
name = "wide_resnet"
depth = 10
width = 1
dropout = 0.1
[head]
name = "{head}"
[[augment]]
name = "noise"
[[stages]]
steps = 12
losses = [{losses}]
[stages.optimizer]
lr = 0.05
"""


def recipe(kind: str = "segmentation", *overrides: str) -> Recipe:
    """A recipe that trains in about a second; `kind` is segmentation or linear."""
    losses = {"segmentation": '{ name = "pixel_cross_entropy" }', "linear": '{ name = "cross_entropy" }'}[kind]
    text = RECIPE.replace("{head}", kind).replace("{losses}", losses)
    return from_toml(text, where="tiny", overrides=overrides)


def context(kind: str = "segmentation", *, classes: tuple[str, ...] = CLASSES, seed: int = 0) -> Context:
    """What a part is built with: one-hot labels over `classes`."""
    k = len(classes)
    return Context(
        Task(classes, np.ones(k, dtype=np.int64)), LabelEmbedding(torch.eye(k)), recipe(kind), seed, named=load_recipe
    )
