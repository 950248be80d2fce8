"""Shared by the VIPF tables: two tasks of ten classes with 50 images each, and variants of the small recipes.

CIFAR-100 at 32 pixels has a test part; mini-ImageNet at 64 pixels (on which weights pretrained on ImageNet must not be
used) is redrawn, 50 to train on and 20 to score. A run is one to three minutes on one core: three paired draws.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.support.accuracy import PREDICTIONS, run_sweep, show
from bench.support.data import cifar100_ten, mini_imagenet_ten
from bench.support.keeping import Keeping
from bench.support.options import Options
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.evaluation.executor import Trainer
from handful.recipes.load import load_recipe

DRAWS = 3
KEEPING = Keeping(PREDICTIONS / "networks")  # the ladder's networks serve in the other tables
CONTROL, WHOLE = "classification-resnext-small", "vipf-small"


@dataclass(frozen=True)
class Setting:
    """A task, and what its recipes change to suit its images."""

    name: str
    load: Callable[[Path], Dataset]
    overrides: tuple[str, ...] = ()


# At 64 pixels the first stage works on 16 x 16 cells, so it can be twice as wide for half the operations.
SETTINGS = (
    Setting("cifar100", cifar100_ten),
    Setting(
        "mini-imagenet",
        mini_imagenet_ten,
        ("image_size=[64, 64]", 'backbone.stem="imagenet"', "backbone.width=32", "backbone.base_width=16"),
    ),
)


def variant(base: str, called: str, setting: Setting, options: Options, *overrides: str) -> Recipe:
    """A small recipe under another name, with changes; two steps only when `quick`."""
    quick = ("steps=2",) if options.quick else ()
    suited = tuple(o for o in setting.overrides if not (o.startswith("backbone.") and _other_backbone(overrides)))
    return replace(load_recipe(base, overrides=(*suited, *overrides, *quick)), name=called)


def _other_backbone(overrides: Sequence[str]) -> bool:
    return any(o.startswith("backbone=") for o in overrides)


def run_variants(
    table: str,
    make: Callable[[Setting], Mapping[str, tuple[str, Sequence[str]]]],
    options: Options,
    *,
    control: str,
    settings: Sequence[Setting] = SETTINGS,
    per_class: int = 50,
    trainer: Trainer | None = KEEPING,
) -> None:
    """Every variant (name to base recipe and overrides) on each task, compared with `control` on the same draws.

    `trainer` None: for networks that no other table needs.
    """
    draws = range(1 if options.quick else min(options.draws, DRAWS))
    for setting in settings:
        wanted = [variant(base, name, setting, options, *over) for name, (base, over) in make(setting).items()]
        data = setting.load(options.folder())
        print(f"\n{setting.name}: ten classes, {per_class} images each")
        results = run_sweep(
            f"{table}-{setting.name}", wanted, data, options, per_class=(per_class,), draws=draws, trainer=trainer
        )
        show(results, control=control)
