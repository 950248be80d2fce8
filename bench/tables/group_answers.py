"""Answers by the groups of a tree (Loki), for images of classes that were trained on and of others: CIFAR-100.

In each draw one class of each of the twenty groups is left out; logistic regression on frozen features learns the other
eighty from ten images each. Ten test images of each class are answered by the most probable class, by the group with
the largest sum of probabilities, and by `handful predict --classes TREE`, a class or a group. A group that contains an
image's class is a right answer, too, and the squared distance in the tree, which Loki minimises, says how far off an
answer is: 1 for the own group, 9 for another, 4 and 16 for a class of the own group and of another.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from bench.support.data import cifar100, few_test_images, only_classes
from bench.support.options import Options
from bench.support.record import append
from handful.data import splits
from handful.recipes.load import load_recipe
from handful.saving.extra_classes import with_tree
from handful.training.train import train

TABLE, RECIPE, PER_CLASS = "group-answers", "logistic", 10
TEST = 10  # images of each class
TREE = Path(__file__).parents[1] / "support" / "cifar100_groups.yaml"


def run(options: Options) -> None:
    """Two lines for each draw: images of classes that were trained on, and of the others."""
    groups = group_of_class()
    for draw in range(1 if options.quick else options.draws):
        for line in one_draw(options, groups, draw):
            print(", ".join(f"{key} {value}" for key, value in line.items()))
            append(TABLE, line, quick=options.quick)


def group_of_class() -> dict[str, str]:
    """The group of each class, group by group."""
    tree: dict[str, list[str]] = yaml.safe_load(TREE.read_text(encoding="utf-8"))
    return {name: group for group, names in tree.items() for name in names}


def left_out(groups: Mapping[str, str], draw: int) -> set[str]:
    """One class of each group."""
    rng = np.random.default_rng(draw)
    names = dict.fromkeys(groups.values())
    return {str(rng.choice([name for name in groups if groups[name] == group])) for group in names}


def one_draw(options: Options, groups: Mapping[str, str], draw: int) -> list[dict[str, object]]:
    """Train, and answer the test images in three ways."""
    data, others, names = cifar100(options.folder()), left_out(groups, draw), list(dict.fromkeys(groups.values()))
    data = few_test_images(data, 2 if options.quick else TEST)
    images, _ = splits.draw(only_classes(data, [c for c in data.classes if c not in others]), PER_CLASS, draw)
    trained = train(load_recipe(RECIPE), images, seed=draw, device="cpu", progress=False)
    extended = with_tree(trained, TREE)
    member = np.array([[groups[c] == group for group in names] for c in trained.classes])
    test, lines = splits.scored_split(data, "test"), list[dict[str, object]]()
    for kind, wanted in (("trained on", set(trained.classes)), ("others", others)):
        part = only_classes(test, [c for c in data.classes if c in wanted])
        truth = [part.classes[label] for label in part.labels]
        unnamed = part.without_labels()
        probabilities = trained.probabilities(unnamed)
        answers = {
            "class": [trained.classes[i] for i in probabilities.argmax(axis=1)],
            "group": [names[i] for i in (probabilities @ member).argmax(axis=1)],
            "tree": [extended.classes[i] for i in extended.probabilities(unnamed).argmax(axis=1)],
        }
        line: dict[str, object] = {"images of classes": kind, "draw": draw, "images": len(truth)}
        for name, own in answers.items():
            line |= {f"{name}_{key}": value for key, value in scores(own, truth, groups).items()}
        lines.append(line)
    return lines


def scores(answers: Sequence[str], truth: Sequence[str], groups: Mapping[str, str]) -> dict[str, float]:
    """Shares of answers that are right (the class or its group), the class, or a group; mean squared distance."""
    pairs = list(zip(answers, truth, strict=True))
    return {
        "right": float(np.mean([a in (t, groups[t]) for a, t in pairs])),
        "class_right": float(np.mean([a == t for a, t in pairs])),
        "groups": float(np.mean([a not in groups for a in answers])),
        "distance": float(np.mean([squared_edges(a, t, groups) for a, t in pairs])),
    }


def squared_edges(answer: str, truth: str, groups: Mapping[str, str]) -> int:
    """Squared number of edges between an answer, a class or a group, and a class."""
    if answer == truth:
        return 0
    if answer not in groups:
        return 1 if groups[truth] == answer else 9
    return 4 if groups[truth] == groups[answer] else 16
