"""Soft labels, Table 1 and Figure 5 at a size for two cores: word vectors of the class names against their baselines.

WRN-16-2 (0.26 GFLOP an image of 32 pixels) from random weights, 60 epochs of 32 images, crop and flip as in the paper,
which has ResNet-18 and 200 epochs. The first rows get five draws, the others two. Cross-entropy and soft labels also
get a stronger augmentation and weight decay, alike for both.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.accuracy import PREDICTIONS, run_sweep, show
from bench.data import cifar10, cifar100_twenty, mini_imagenet_twenty
from bench.options import Options
from handful.recipes import load_recipe
from handful.types import Dataset, Recipe
from handful.words import class_vectors

BASE = "classification-wrn"
CROP_FLIP = 'augment=[{name="crop",padding=0.125},{name="flip"}]'
STRONG = 'augment=[{name="random_resized_crop",scale=[0.25,1.0]},{name="flip"},{name="colour"},{name="cutout"}]'
SETTINGS = ("batch_size=32", "epochs=60", "stages.0.floor=600", CROP_FLIP)
CONTROL = "cross-entropy"


@dataclass(frozen=True)
class Setting:
    """A data set, its numbers of images per class, and what recipes change for it."""

    name: str
    load: Callable[[Path], Dataset]
    per_class: tuple[int, ...]
    overrides: tuple[str, ...] = ()


TASKS = (
    Setting("cifar10", cifar10, (50, 100, 200)),
    Setting("cifar100", cifar100_twenty, (50,)),
    Setting("mini-imagenet", mini_imagenet_twenty, (10, 50), ("image_size=[64, 64]", "backbone.strides=[2, 2, 2]")),
)


def run(options: Options) -> None:
    """Every row on every task."""
    for task in TASKS:
        data = task.load(options.folder())
        glove = vectors(data, task, options)
        print(f"\n{task.name}")
        many = [recipe(name, task, options, *over) for name, over in main_rows(glove).items()]
        few = [many[0], *(recipe(name, task, options, *over) for name, over in other_rows().items())]
        per_class = task.per_class[:1] if options.quick else task.per_class
        table = f"soft-labels-{task.name}"
        first = run_sweep(table, many, data, options, per_class=per_class)
        show(first, control=CONTROL)
        draws = range(min(2, options.draws))
        show(run_sweep(table, few, data, options, per_class=per_class, draws=draws), control=CONTROL)


def main_rows(glove: Path) -> dict[str, tuple[str, ...]]:
    """Rows with all draws: the name, and what it changes."""

    def soft(labels: str, temperature: float = 0.1) -> str:
        return f"labels={{{labels},temperature={temperature}}}"

    minilm, words = 'name="word_embeddings",source="minilm"', f'name="word_embeddings",source="vectors",path="{glove}"'
    similar, apart = 'name="random_embeddings"', 'name="random_embeddings",low=-1'
    return {
        CONTROL: (),
        "label smoothing": ('stages.0.losses=[{name="cross_entropy",smoothing=0.1}]',),
        "soft labels, MiniLM": (soft(minilm),),
        "soft labels, GloVe": (soft(words),),
        "soft labels, MiniLM, temperature 1": (soft(minilm, 1.0),),
        "random vectors in [-1, 1]": (soft(apart),),
        "random vectors in [0, 1]": (soft(similar),),
        "cross-entropy, stronger augmentation": (STRONG, "stages.0.optimizer.weight_decay=0.002"),
        "soft labels, stronger augmentation": (STRONG, "stages.0.optimizer.weight_decay=0.002", soft(minilm)),
    }


def other_rows() -> dict[str, tuple[str, ...]]:
    """Rows with two draws."""
    cross = '{name="cross_entropy"}'
    return {
        "center loss": (f'stages.0.losses=[{cross},{{name="center",centers="learned",weight=0.003}}]',),
        "GCPL": ('head={name="prototypes",norm="auto"}', 'stages.0.losses=[{name="gcpl"}]'),
        "ProtoNet": ('stages.0.losses=[{name="prototypical"}]', 'posthoc=[{name="class_means"}]', "batch_size=100"),
    }


def recipe(name: str, task: Setting, options: Options, *overrides: str) -> Recipe:
    """A row's recipe, under the row's name."""
    quick = ("steps=2",) if options.quick else ()
    return replace(load_recipe(BASE, overrides=(*SETTINGS, *task.overrides, *overrides, *quick)), name=name)


def vectors(data: Dataset, task: Setting, options: Options) -> Path:
    """GloVe vectors of the classes as a file of their own, by a relative path: it becomes part of the recipe."""
    path = PREDICTIONS / f"glove-{task.name}.npz"
    if not path.exists():
        aliases = {"komondor": "sheepdog"}  # the one word that GloVe does not know
        used = {name: word for name, word in aliases.items() if name in data.classes}
        source = options.folder() / "glove.6B.100d.classwords.txt"
        found = class_vectors(data.classes, source="words", path=str(source), aliases=used)
        PREDICTIONS.mkdir(exist_ok=True)
        np.savez(path, classes=np.array(data.classes), vectors=found.vectors)
    return Path(os.path.relpath(path))
