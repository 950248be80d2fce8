"""Wrong labels, networks from random weights: MNIST, 50 images per class, of which 40 % bear another class's label.

WRN-10-1 on images of 14 pixels, batches of 50, no augmentation: a size at which a processor has the table in half an
hour, and a network that learns all wrong labels by heart if nothing keeps it from that. 200 test images of each class
have their own labels. Weight decay, steps and the method's own number are those of the highest accuracy on 1,000 other
training images, whose labels are as wrong, of draw 100; draws 0 to 4 are scored once. A weight decay of 0.05 was tried
there for the first two rows, and is far behind. Where all labels are right, cross-entropy is chosen anew on right ones,
as the control to which nothing should be lost, and the methods keep what was chosen for wrong labels, since a user does
not know the share. Rows of a fixed number of steps say what early stopping does for either loss, and whether nested
dropout, which learns slowly, needs more; their other numbers are chosen for wrong labels. Co-teaching's is how long the
share of images that are left out rises: 400 steps are a tenth of those over which it rises in the paper. It is also run
leaving out half of that share, with the same settings. Nested dropout followed by co-teaching has as many steps in its
second stage as in its first.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from bench.support.accuracy import run_sweep, show
from bench.support.data import few_test_images, mnist
from bench.support.options import Options
from bench.support.record import RESULTS, append
from bench.tables.noisy_labels import HELD_OUT, Noise, Planted
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.evaluation.protocol import Protocol, splits_of
from handful.recipes.load import load_recipe
from handful.recipes.write import fingerprint
from handful.training.train import train

TABLE, CHOSEN_ON = "noisy-networks", "noisy-networks-development"
PER_CLASS, SCORED, DEVELOPMENT = 50, 200, 100
WRONG, RIGHT = Noise("symmetric", 0.4), Noise("none", 0.0)
CONTROL, NESTED, CO_TEACHING = "cross-entropy", "nested dropout", "co-teaching"
BOTH = "nested dropout, then co-teaching"
METHODS: Mapping[str, tuple[str, str, tuple[float, ...]]] = {  # recipe, its own number, values of it
    CONTROL: ("classification-wrn", "", ()),
    "early-learning": ("elr-wrn", "stages.0.losses.0.strength", (1.0, 3.0)),
    "generalized cross-entropy": ("gce-wrn", "stages.0.losses.0.q", (0.3, 0.7)),
    NESTED: ("nested-dropout-wrn", "head.nested", (3.0, 10.0, 30.0)),
    CO_TEACHING: ("co-teaching-wrn", "stages.0.losses.0.rise", (0.05, 0.25, 0.5, 1.0)),
    BOTH: ("nested-co-teaching-wrn", "head.nested", (10.0, 30.0)),
}
DECAYS, STEPS = (2e-3, 1e-2), (100, 400)
LONG = 1600  # steps of nested dropout besides
FORGET = {  # the share of wrong labels, which the papers know too
    CO_TEACHING: ("stages.0.losses.0.forget=0.4",),
    BOTH: ("stages.1.losses.0.forget=0.4",),
}
GUESS = 0.2  # of a user who does not
SMALL = ("backbone.depth=10", "backbone.width=1", "image_size=[14, 14]", "batch_size=50", "augment=[]")


def run(options: Options) -> None:
    """All methods with wrong labels, then with right ones."""
    data = few_test_images(mnist(options.folder()), 10 if options.quick else SCORED)
    names = list(METHODS)[: 2 if options.quick else None]
    for noise in (WRONG, RIGHT):
        for name in names:  # a row at a time: what is stopped goes on there
            rows([name], noise, data, options)
        fixed = [r for count in STEPS for r in rows(names[:2], noise, data, options, (count,))]
        if NESTED in names:
            fixed += rows([NESTED], noise, data, options, (LONG,))
            fixed += guessed(noise, data, options)
        show([*rows(names, noise, data, options), *fixed], control=f"{noise}: {CONTROL}")
        print()


def rows(
    names: Sequence[str], noise: Noise, data: Dataset, options: Options, steps: Sequence[int] = STEPS
) -> list[Result]:
    """Results of these methods with such labels, on test draws; with fewer `steps` to choose from, these are named."""
    added = "" if steps == STEPS else f", {steps[0]} steps"
    tuned_on = {name: noise if name == CONTROL and not added else WRONG for name in names}
    chosen = [
        replace(best(name, tuned_on[name], data, options, steps), name=f"{noise}: {name}{added}") for name in names
    ]
    return _sweep(chosen, noise, data, options)


def guessed(noise: Noise, data: Dataset, options: Options) -> list[Result]:
    """Co-teaching as it was chosen, but leaving out half of the share of wrong labels: a user can only guess it."""
    chosen = best(CO_TEACHING, WRONG, data, options)
    (stage,) = chosen.stages
    (loss,) = stage.losses
    less = replace(stage, losses=(replace(loss, options={**loss.options, "forget": GUESS}),))
    row = replace(chosen, name=f"{noise}: {CO_TEACHING}, {GUESS:g} left out", stages=(less,))
    return _sweep([row], noise, data, options)


def _sweep(wanted: Sequence[Recipe], noise: Noise, data: Dataset, options: Options) -> list[Result]:
    draws = range(1 if options.quick else options.draws)
    return run_sweep(TABLE, wanted, data, options, per_class=(PER_CLASS,), draws=draws, trainer=Planted(noise))


def grid(name: str, steps: Sequence[int] = STEPS, *, quick: bool = False) -> Iterator[Recipe]:
    """What is compared on the development draw: weight decay, steps, the method's own number."""
    recipe, key, values = METHODS[name]
    for decay, number, value in itertools.product(DECAYS, steps, values or (None,)):
        own = () if value is None else (f"{key}={value:g}",)
        stages = range(2 if name == BOTH else 1)
        decays = tuple(f"stages.{i}.optimizer.weight_decay={decay:g}" for i in stages)
        changes = (*decays, f"steps={4 if quick else number}", *own)
        yield load_recipe(recipe, overrides=(*SMALL, *FORGET.get(name, ()), *changes))


def best(name: str, noise: Noise, data: Dataset, options: Options, steps: Sequence[int] = STEPS) -> Recipe:
    """The recipe of the highest accuracy on held-out training images with labels as wrong; the first of equal ones."""
    wanted = list(grid(name, steps, quick=options.quick))
    return max(wanted, key=lambda recipe: noisy_score(recipe, noise, data, options))


def noisy_score(recipe: Recipe, noise: Noise, data: Dataset, options: Options) -> float:
    """Accuracy on the development draw against labels as wrong as those it learned from; looked up if it is there."""
    key = {"noise": str(noise), "recipe": fingerprint(recipe), "draw": DEVELOPMENT}
    for line in _lines():
        if all(line[k] == v for k, v in key.items()):
            return float(line["accuracy"])
    (split,) = splits_of(data.split("train"), Protocol(draws=(DEVELOPMENT,), per_class=PER_CLASS, score_on="test"))
    order = np.random.default_rng(DEVELOPMENT).permutation(len(split.test))[:HELD_OUT]
    held_out = noise.plant(split.test.select(order), DEVELOPMENT + 1000)
    model = train(recipe, noise.plant(split.train, DEVELOPMENT), seed=DEVELOPMENT, device="cpu", progress=False)
    guesses = model.probabilities(held_out.without_labels()).argmax(axis=1)
    accuracy = float((guesses == held_out.labels).mean())
    stage, nested = recipe.stages[0], recipe.head.options.get("nested", 0)
    own = {"steps": stage.steps, "weight decay": stage.optimizer.weight_decay, "nested": nested}
    own |= stage.losses[0].options
    append(CHOSEN_ON, {**key, "name": recipe.name, "options": own, "accuracy": accuracy}, quick=options.quick)
    return accuracy


def _lines() -> list[dict[str, Any]]:
    file = RESULTS / f"{CHOSEN_ON}.jsonl"
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
