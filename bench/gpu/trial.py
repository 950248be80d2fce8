"""What a trial is: rows (recipes with changes, and the draws that they get), and the files that they need."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.errors import RecipeError, nearest
from handful.evaluation.evaluate import Protocol
from handful.recipes.load import load_recipe

TINY = ("steps=1", "batch_size=8")
TINY_NETWORKS = {
    "wide_resnet": ("backbone.depth=10", "backbone.width=1"),
    "dsk_resnext": (
        "backbone.depth=11",
        "backbone.width=16",
        "backbone.groups=2",
        "backbone.base_width=8",
        'backbone.norm="batch"',
    ),
    "efficientnet_lite0": ("image_size=[64, 64]",),
    "torchvision": ("image_size=[16, 16]", "backbone.stride=2"),
}
TINY_PER_CLASS, TINY_LARGEST, TINY_FOLDS = 2, 4, 2


@dataclass(frozen=True)
class Row:
    """A recipe with changes, under a name of its own, on some draws."""

    name: str
    base: str
    protocol: Protocol
    changes: tuple[str, ...] = ()

    def recipe(self) -> Recipe:
        """The recipe, checked."""
        return replace(load_recipe(self.base, overrides=self.changes), name=self.name)

    def tiny(self) -> "Row":
        """The same parts in a small network, one step on a few images: for a test on a processor."""
        whole = self.recipe()
        few = replace(self.protocol, draws=self.protocol.draws[:1])
        if few.folds is not None:
            few = replace(few, folds=TINY_FOLDS)
        elif few.long_tail is not None:
            few = replace(few, per_class=TINY_LARGEST, long_tail=2.0)
        else:
            few = replace(few, per_class=TINY_PER_CLASS)
        steps = TINY if whole.stages else ()
        prepare = tuple(f"prepare.{i}.side=32" for i, part in enumerate(whole.prepare) if part.name == "grabcut")
        prepare += tuple(
            f"prepare.{i}.recipe=logistic-pixels" for i, part in enumerate(whole.prepare) if part.name == "pseudo_label"
        )
        smaller = TINY_NETWORKS.get(whole.backbone.name, ())
        return replace(self, protocol=few, changes=(*self.changes, *steps, *prepare, *smaller))


@dataclass(frozen=True)
class Trial:
    """A table for a graphics card.

    Attributes:
        name: of the trial, and of its log `bench/results/gpu-NAME.jsonl`.
        what: it compares.
        files: that it reads, below the folder of the real data sets.
        load: reads the data set from that folder.
        rows: what runs, first rows first; called with the folder of the carried files.
        vectors: sources of class vectors that are computed before they are carried, of `VECTORS`.
    """

    name: str
    what: str
    files: tuple[str, ...]
    load: Callable[[Path], Dataset]
    rows: Callable[[Path], Sequence[Row]]
    vectors: tuple[str, ...] = ()


def names() -> tuple[str, ...]:
    """Names of the trials: the files of `bench/gpu/trials`."""
    folder = Path(__file__).parent / "trials"
    return tuple(sorted(file.stem.replace("_", "-") for file in folder.glob("[!_]*.py")))


def trial(name: str) -> Trial:
    """A trial by name.

    Raises:
        RecipeError: there is none; names the nearest.
    """
    if name not in names():
        raise RecipeError(f"unknown trial {name!r}", where="bench.gpu", remedy=nearest(name, names()))
    found: Trial = import_module(f"bench.gpu.trials.{name.replace('-', '_')}").TRIAL
    return found


def soft(folder: Path, source: str, temperature: float) -> str:
    """Class vectors from the carried files, as an override."""
    return f'labels={{name="word_embeddings",{vectors_of(folder, source)},temperature={temperature:g}}}'


def tree(folder: Path) -> str:
    """The tree over the class names by the carried MiniLM vectors, as an override."""
    return f'hierarchy={{name="embeddings",{vectors_of(folder, "minilm")}}}'


def vectors_of(folder: Path, source: str) -> str:
    """Options of a part that reads class vectors; the path is relative, since it becomes part of the recipe."""
    return f'source="vectors",path="{Path(os.path.relpath(folder / f"{source}.npz")).as_posix()}"'
