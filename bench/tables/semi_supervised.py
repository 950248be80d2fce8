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
from bench.tables.self_training import together
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result

PER_CLASS = (5, 50)
TABLE = "semi-supervised"
SMALL = ("backbone.width=1",)
WRN_DRAWS = 3
WEAK = '[{name="flip"},{name="crop",padding=0.125,fill="reflection"}]'
TEACHER = 'prepare=[{name="pseudo_label",recipe="classification-wrn",share=0.5}]'
CONTROL = (f"augment={WEAK}", "batch_size=16", "lr=0.03", "ema=0.999")


def run(options: Options) -> None:
    """The embedded network, then networks from random weights, then both kinds of pile."""
    data = few_test_images(cifar10(options.folder()), 10 if options.quick else SCORED)
    wanted = embedded(options)
    results = _sweep(wanted, data, options, draws=options.draws)
    each = [results[start :: len(wanted)] for start in range(2)]  # the results of each size follow each other
    best = [together(pair, name="mean of the first two") for pair in zip(*each, strict=True)]
    show([*results, *best], control=results[1].recipe.name)
    print()
    draws = min(WRN_DRAWS, options.draws)
    results = _sweep(random_weights(options), data, options, draws=draws)
    show(results, control=results[0].recipe.name)
    print()
    foreign = with_foreign(data, cifar100(options.folder()))
    wanted = [
        replace(recipe, name=f"{recipe.name}, half of the pile foreign")
        for recipe in recipes(("pseudo-labels", "self-training", "fixmatch"), options)
    ]
    results = _sweep(wanted, foreign, options, draws=options.draws)
    show(results, control=results[0].recipe.name)


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


def _sweep(wanted: Sequence[Recipe], data: Dataset, options: Options, *, draws: int) -> list[Result]:
    shots = PER_CLASS[:1] if options.quick else PER_CLASS
    numbers = range(1 if options.quick else draws)
    return run_sweep(TABLE, wanted, data, options, per_class=shots, draws=numbers, unlabelled="rest")
