"""Soft labels in the paper's training, on a network for two cores: CIFAR-10, 50 images per class, five draws.

The schedule, batches, rate, weight decay and augmentation of `paper-soft-labels-cross-entropy` (200 epochs of batches
of 128, a tenth of the rate after 120, 160 and 180, weight decay 1e-4), and the paper's temperature of 1. WRN-16-1
stands in for ResNet-18; the vectors are MiniLM's and GloVe's of 100 numbers. Nothing was chosen on any images.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar10
from bench.support.options import Options
from bench.tables.soft_labels import CONTROL, MINILM, SIMILAR, SMOOTHED, TASKS, soft, vectors
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.recipes.load import load_recipe

TABLE = "soft-labels-schedule"
BASE = "paper-soft-labels-cross-entropy"
NETWORK = ('backbone={name="wide_resnet",depth=16,width=1,dropout=0.0}', 'head.norm="auto"')


def rows(glove: Path) -> Mapping[str, tuple[str, ...]]:
    """The name of each row, and what it changes."""
    words = f'name="word_embeddings",source="vectors",path="{glove}"'
    return {
        CONTROL: (),
        "soft labels, MiniLM": (soft(MINILM, 1.0),),
        "random vectors in [0, 1]": (soft(SIMILAR, 1.0),),
        "soft labels, GloVe": (soft(words, 1.0),),
        "label smoothing": (SMOOTHED,),
        "soft labels, MiniLM, temperature 0.3": (soft(MINILM, 0.3),),
    }


def recipes(data: Dataset, options: Options) -> list[Recipe]:
    """Every row as a recipe under the row's name; quick: two steps."""
    quick = ("steps=2",) if options.quick else ()
    named = rows(vectors(data, TASKS[0], options))
    return [replace(load_recipe(BASE, overrides=(*NETWORK, *more, *quick)), name=name) for name, more in named.items()]


def run(options: Options) -> None:
    """Every row, one draw after another, so that an interrupted run compares on the draws it has."""
    data = cifar10(options.folder())
    wanted = recipes(data, options)
    for draw in range(options.draws):
        show(run_sweep(TABLE, wanted, data, options, per_class=(50,), draws=(draw,)), control=CONTROL)
