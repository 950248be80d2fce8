"""Consistency on unlabelled CIFAR-10 images compared with self-training: embedded network, and random weights.

Five draws at 5 and 50 images per class; unlabelled is what the draws leave over of the training part, their labels
taken away. Scored on 200 test images of each class, those of `self-training` and `compare-cifar`.

Controls. Embedded network: the frozen head that labels the pile, the network that is fine-tuned on the surest half of
its labels, and the mean of both, the best until now. Random weights (WRN-16-1, three draws, since a run takes half an
hour of one core): as many labelled steps with the same augmentation, and self-training from a teacher of its own with
twice as many steps of twice as many images. UDA with a second view that is as weak as the first shows what the strong
augmentation does. In the last rows the pile is doubled by images of CIFAR-100, which show other classes: unlabelled
images of no class do harm (Oliver et al. 2018, https://arxiv.org/abs/1804.09170).
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.support.accuracy import recipes, run_sweep, show
from bench.support.data import cifar10, cifar100, few_test_images
from bench.support.options import Options
from bench.tables.compare_cifar import SCORED
from bench.tables.cvs_cifar import NATURAL
from bench.tables.self_training import together
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.unlabelled import Unlabelled

PER_CLASS, FROZEN = (5, 50), (1, 5, 50)
TABLE = "semi-supervised"
SMALL = ("backbone.width=1",)
WRN_DRAWS = 3
TURNED_STEPS = 1000
WEAK = '[{name="flip"},{name="crop",padding=0.125,fill="reflection"}]'
TEACHER = 'prepare=[{name="pseudo_label",recipe="classification-wrn",share=0.5}]'
CONTROL = (f"augment={WEAK}", "batch_size=16", "lr=0.03", "ema=0.999")


def run(options: Options) -> None:
    """Both kinds of pile, label augmentation, the embedded network, networks from random weights: cheapest first."""
    piles(options)
    label_augmentation(options)
    embedded_network(options)
    from_random_weights(options)


def piles(options: Options) -> None:
    """The frozen head on the pile, and on a pile half of which shows other classes, against the labels alone."""
    data, foreign = _data(options), with_foreign(_data(options), cifar100(options.folder()))
    alone, head = recipes(("logistic", "pseudo-labels"), Options())
    shots = FROZEN[:1] if options.quick else FROZEN
    draws = range(1 if options.quick else options.draws)
    results = run_sweep(TABLE, [alone], data, options, per_class=shots, draws=draws)
    results += run_sweep(TABLE, [head], data, options, per_class=shots, draws=draws, unlabelled="rest")
    mixed = replace(head, name=f"{head.name}, half of the pile foreign")
    results += run_sweep(TABLE, [mixed], foreign, options, per_class=shots, draws=draws, unlabelled="rest")
    show(results, control=alone.name)
    print()


def label_augmentation(options: Options) -> None:
    """Class and quarter turn learned jointly, against cross-entropy of equal time; no unlabelled images."""
    results = _sweep(turned(options), _data(options), options, draws=options.draws, per_class=(50,), unlabelled="none")
    show(results, control=results[0].recipe.name)
    print()


def embedded_network(options: Options) -> None:
    """Fine-tuned networks, and the mean of the two controls."""
    wanted = embedded(options)
    results = _sweep(wanted, _data(options), options, draws=options.draws)
    each = [results[start :: len(wanted)] for start in range(2)]  # the results of each size follow each other
    best = [together(pair, name="mean of the first two") for pair in zip(*each, strict=True)]
    show([*results, *best], control=results[1].recipe.name)
    print()


def from_random_weights(options: Options) -> None:
    """Networks from random weights, on fewer draws."""
    results = _sweep(random_weights(options), _data(options), options, draws=min(WRN_DRAWS, options.draws))
    show(results, control=results[0].recipe.name)


def turned(options: Options) -> list[Recipe]:
    """Rows without unlabelled images: cross-entropy with four times the steps, as a step of the other takes as long."""
    steps = {"classification-wrn": 4 * TURNED_STEPS, "sla-wrn": TURNED_STEPS}
    return recipes(
        tuple(steps), options, {name: (*SMALL, NATURAL, f"steps={number}") for name, number in steps.items()}
    )


def embedded(options: Options) -> list[Recipe]:
    """Rows on the embedded network, the controls first."""
    return [*recipes(("pseudo-labels",), Options()), *recipes(("self-training", "fixmatch", "uda"), options)]


def random_weights(options: Options) -> list[Recipe]:
    """Rows from random weights, the control first."""
    own = recipes(("classification-wrn",), options, {"classification-wrn": (*SMALL, *CONTROL)})
    changes = (*SMALL, *CONTROL, TEACHER, "batch_size=32", "steps=6000", "name=self-training-wrn")
    own += recipes(("classification-wrn",), options, {"classification-wrn": changes})
    methods = ("fixmatch-wrn", "uda-wrn")
    own += recipes(methods, options, dict.fromkeys(methods, SMALL))
    weak = (*SMALL, f"stages.0.views.0.augment={WEAK}", "name=uda-wrn, weak second view")
    return own + recipes(("uda-wrn",), options, {"uda-wrn": weak})


def with_foreign(data: Dataset, other: Dataset) -> Dataset:
    """The data, and as many unlabelled images of other classes as it has training images."""
    train = data.split("train")
    pile = other.split("train").without_labels().samples[: len(train)]
    return replace(data, samples=(*data.samples, *(replace(s, id=f"foreign/{s.id}") for s in pile)))


def _data(options: Options) -> Dataset:
    return few_test_images(cifar10(options.folder()), 10 if options.quick else SCORED)


def _sweep(
    wanted: Sequence[Recipe],
    data: Dataset,
    options: Options,
    *,
    draws: int,
    per_class: Sequence[int] = PER_CLASS,
    unlabelled: Unlabelled = "rest",
) -> list[Result]:
    shots = per_class[:1] if options.quick else per_class
    numbers = range(1 if options.quick else draws)
    return run_sweep(TABLE, wanted, data, options, per_class=shots, draws=numbers, unlabelled=unlabelled)
