"""`handful extend`: a model of coarse classes learns finer ones, with its old images replayed or without.

CIFAR-100, the first six of its twenty groups. The old model was trained on five images of each of their thirty classes,
labelled with the group. New are five images of each of the twenty classes of four groups, labelled with the class; two
groups stay classes. Extended is the old model with all its old images, or with one of each label; the old images of a
group that was split have its classes as candidates. Controls: the same recipe from its pretrained
weights on everything known; and the old model's weights fine-tuned on the new images alone, which have no image of
the two old classes. Partial fine-tuning of the embedded network at 80 pixels, 100 steps of sixteen images.

Scored on 25 test images of each of the thirty classes: the twenty new classes, the two old ones, and how often the
predicted class lies in the right one of six groups. Each row's rate is the one of most right answers on draw 100
and 750 training images that it left; of one old image of each label, so is their share of the loss.
"""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench.support.data import cifar100, few_test_images, only_classes
from bench.support.options import Options
from bench.support.record import append
from bench.tables.group_answers import TREE
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.data.class_tree import read_tree
from handful.data.splits import draw as drawn
from handful.data.splits import scored_split
from handful.evaluation.intervals import mean_interval
from handful.models.classifier import Classifier
from handful.recipes.load import load_recipe
from handful.saving.classifier import load_classifier, save_classifier
from handful.training.extend import extend_to, joined
from handful.training.train import train

TABLE = "extend"
RECIPE = "partial-fine-tuning"
EACH, TEST = 5, 25  # images of each class with each kind of label; test images of each class
OVERLAP = 2 * EACH / (100 - 2 * EACH)  # draws from one pool share images
RATES = (0.001, 0.003, 0.01)
GROUPS, SPLIT = 6, 4  # of the tree's groups, and how many of these are split
SCORES = ("new", "old", "group")
OLD, ALL, ONE = "old model", "extend, all old images", "extend, 1 of each label"
SCRATCH, NAIVE = "from scratch, everything", "new images alone"
CONTROLS = ((ALL, SCRATCH), (ALL, NAIVE), (ALL, ONE))


@dataclass(frozen=True)
class Setting:
    """What is chosen for a row: the learning rate, and the share of the loss of old images (None: as many count)."""

    rate: float
    share: float | None = None


@dataclass(frozen=True, eq=False)
class Material:
    """The images of a draw: `old` ones labelled with groups, `new` ones with classes, and those that are scored.

    `truth` is the class of each scored image, the group for groups that were not split; `groups` is its group.
    """

    old: Dataset
    new: Dataset
    scored: Dataset
    truth: tuple[str, ...]
    groups: tuple[str, ...]


def run(options: Options) -> None:
    """Choose each row's setting, then score all rows on each draw."""
    data, group_of = chosen_classes(options.folder())
    draws = [100] if options.quick else list(range(options.draws))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = dict.fromkeys(ROWS, Setting(RATES[1])) if options.quick else _chosen(data, group_of, folder)
        scores: dict[str, list[dict[str, float]]] = {row: [] for row in (OLD, *ROWS)}
        for number in draws:
            material = material_of(data, group_of, number)
            for row, found in one_draw(material, settings, number, folder).items():
                scores[row].append(found)
                print(number, row, *(f"{k} {100 * v:.1f}" for k, v in found.items()), flush=True)
    record(scores, settings, draws, quick=options.quick)


def chosen_classes(folder: Path) -> tuple[Dataset, dict[str, str]]:
    """The images of the first groups of the tree, and the group of each of their classes, group by group."""
    tree: dict[str, list[str]] = yaml.safe_load(TREE.read_text(encoding="utf-8"))
    group_of = {name: group for group in list(tree)[:GROUPS] for name in tree[group]}
    return only_classes(cifar100(folder), list(group_of)), group_of


def material_of(data: Dataset, group_of: Mapping[str, str], number: int, *, held_out: bool = False) -> Material:
    """The images of a draw; `held_out`: scored are training images that it leaves, in place of test images."""
    fine, rest = drawn(data, EACH, number)
    coarse, rest = drawn(rest, EACH, number)
    groups = list(dict.fromkeys(group_of.values()))
    split = [name for name, group in group_of.items() if group in groups[:SPLIT]]
    if held_out:
        scored, _ = drawn(rest, TEST, number)
    else:
        scored = scored_split(few_test_images(data, TEST), "test")
    names = [scored.classes[label] for label in scored.labels]
    return Material(
        old=_named(coarse, group_of),
        new=only_classes(fine, split),
        scored=scored.without_labels(),
        truth=tuple(name if name in split else group_of[name] for name in names),
        groups=tuple(group_of[name] for name in names),
    )


def _named(data: Dataset, names: Mapping[str, str]) -> Dataset:
    """The images with the group of their class as label."""
    classes = tuple(sorted(set(names.values())))
    index = [classes.index(names[name]) for name in data.classes]
    return replace(data, samples=tuple(replace(s, label=index[s.label or 0]) for s in data.samples), classes=classes)


def one_draw(
    material: Material, settings: Mapping[str, Setting], number: int, folder: Path
) -> dict[str, dict[str, float]]:
    """The scores of the old model and of each row."""
    old, model = folder / "old", train(_recipe(RATES[1]), material.old, seed=number, device="cpu", progress=False)
    save_classifier(model, old, overwrite=True)
    found = {OLD: scores_of(model, material)}
    for row, setting in settings.items():
        found[row] = scores_of(ROWS[row](material, setting, number, old), material)
    return found


def scores_of(model: Classifier, material: Material) -> dict[str, float]:
    """Share of right answers for new classes, for old ones, and for groups."""
    answers = _answers(model, material)
    group_of = {name: name for name in material.groups}
    group_of |= dict(zip(material.truth, material.groups, strict=True))
    truth, groups = np.array(material.truth), np.array(material.groups)
    new = truth != groups
    right, of_group = answers == truth, np.array([group_of[answer] for answer in answers]) == groups
    return {"new": float(right[new].mean()), "old": float(right[~new].mean()), "group": float(of_group.mean())}


def _answers(model: Classifier, material: Material) -> np.ndarray:
    """The name of the class that is predicted for each scored image."""
    return np.array([model.classes[i] for i in model.predict(material.scored)])


def _recipe(rate: float) -> Recipe:
    return load_recipe(RECIPE, overrides=("image_size=[80,80]", "steps=100", f"lr={rate}"))


def _extended(most: int | None) -> Callable[[Material, Setting, int, Path], Classifier]:
    def row(material: Material, setting: Setting, seed: int, old: Path) -> Classifier:
        start, new = old.with_name("start"), old.with_name("new")
        shutil.rmtree(new, ignore_errors=True)
        model = load_classifier(old)
        save_classifier(replace(model, recipe=_recipe(setting.rate)), start, overwrite=True)
        options: dict[str, Any] = {"memory_per_class": most, "share": setting.share, "seed": seed, "device": "cpu"}
        return extend_to(new, start, material.new, material.old, tree=TREE, **options).classifier

    return row


def _from_scratch(material: Material, setting: Setting, seed: int, _: Path) -> Classifier:
    both = joined(material.new, material.old, read_tree(TREE))
    return train(_recipe(setting.rate), both, seed=seed, device="cpu", progress=False)


def _naive(material: Material, setting: Setting, seed: int, old: Path) -> Classifier:
    recipe = _recipe(setting.rate)
    options = {k: v for k, v in recipe.backbone.options.items() if k != "pretrained"} | {"weights": str(old)}
    recipe = replace(recipe, backbone=replace(recipe.backbone, options=options))
    return train(recipe, material.new, seed=seed, device="cpu", progress=False)


ROWS: dict[str, Callable[[Material, Setting, int, Path], Classifier]] = {
    ALL: _extended(None),
    ONE: _extended(1),
    SCRATCH: _from_scratch,
    NAIVE: _naive,
}


def _chosen(data: Dataset, group_of: Mapping[str, str], folder: Path) -> dict[str, Setting]:
    """The setting of each row with the most right answers on draw 100; of equals the first."""
    material = material_of(data, group_of, 100, held_out=True)
    old = folder / "old"
    save_classifier(train(_recipe(RATES[1]), material.old, seed=100, device="cpu", progress=False), old)
    chosen = {}
    for row, trained in ROWS.items():
        tried = {Setting(rate): 0.0 for rate in RATES}
        for setting in tried:
            tried[setting] = _right(trained(material, setting, 100, old), material)
        if row == ONE:
            setting = replace(max(tried, key=lambda s: tried[s]), share=0.5)
            tried[setting] = _right(trained(material, setting, 100, old), material)
        chosen[row] = max(tried, key=lambda s: tried[s])
        print(100, row, *(f"{s.rate:g}/{s.share} {100 * right:.1f}" for s, right in tried.items()), flush=True)
    return chosen


def _right(model: Classifier, material: Material) -> float:
    return float((_answers(model, material) == np.array(material.truth)).mean())


def record(
    scores: Mapping[str, Sequence[Mapping[str, float]]],
    settings: Mapping[str, Setting],
    draws: Sequence[int],
    *,
    quick: bool,
) -> None:
    """A line for each row, with mean, interval and worst of the draws; then the differences to controls."""
    for row, values in scores.items():
        line: dict[str, Any] = {"learned": row, "draws": list(draws)}
        line |= vars(settings[row]) if row in settings else {}
        for name in SCORES if row != OLD else SCORES[1:]:
            line |= _summary(name, np.array([one[name] for one in values]))
            line[f"{name}_worst"] = min(line[name])
        append(TABLE, line, quick=quick)
    for row, control in CONTROLS if len(draws) > 1 else ():
        line = {"comparison": f"{row}, against {control}", "draws": list(draws)}
        for name in SCORES:
            gains = [a[name] - b[name] for a, b in zip(scores[row], scores[control], strict=True)]
            line |= _summary(name, np.array(gains))
        append(TABLE, line, quick=quick)


def _summary(name: str, values: np.ndarray) -> dict[str, Any]:
    """Values, mean, and the 95 % interval for new draws."""
    low, high, _ = mean_interval(values, OVERLAP)
    return {name: values.tolist(), f"{name}_mean": float(values.mean()), f"{name}_low": low, f"{name}_high": high}
