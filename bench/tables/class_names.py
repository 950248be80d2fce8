"""Class names beside frozen features: zero-shot alone, as a prior on logistic regression, and two backbones together.

CIFAR-10 with 2,000 test images and CIFAR-100 with 2,000, which the backbones' ImageNet resembles; white blood cells,
fundus photographs (HRF) and digits (MNIST, the classes named "zero" to "nine"), of which the names say nothing, so that
the prior must not hurt; mini-ImageNet, whose classes, and most likely images, the network was pretrained with: its rows
do not tell what names are worth for new classes.
CIFAR-10 also with pseudo-labels of what the draws leave over of the training part, labels taken away, without and with
the names; cells also with pseudo-labels of the scored images themselves, since they have no test part (transductive).
Weights and texts were chosen on draws 100 and up of training images; the test images are scored on draws 0 to 4 only.
"""

from pathlib import Path
from typing import Any

from bench.support.accuracy import run_sweep, show
from bench.support.data import cells, cifar10, cifar100, few_test_images, hrf, mini_imagenet, mnist
from bench.support.options import Options
from handful.core.dataset import Dataset
from handful.data.class_names import with_classes
from handful.recipes.load import load_recipe

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
BOTH = ("logistic", "conse", "logistic-names", *(f"{name}@lite0+lite2" for name in ("logistic", "logistic-names")))
ONE = ("logistic", "logistic-names")
SPREAD = ("pseudo-labels", "pseudo-labels-names")
SPREAD_BOTH = (*(f"{name}@lite0+lite2" for name in SPREAD[::-1]), *SPREAD)


def digits(folder: Path) -> Dataset:
    """MNIST with the digits spelt out, and 100 test images of each."""
    data = few_test_images(mnist(folder), 100)
    spelt = tuple(DIGITS[int(name)] for name in data.classes)
    return with_classes(Dataset(data.samples, spelt), DIGITS)


def run(options: Options) -> None:
    """A table for each data set; every image passes the backbones once (`HANDFUL_CACHE`)."""
    folder = options.folder()
    tables = (
        (few_test_images(cifar10(folder), 200), BOTH, SPREAD_BOTH, (1, 5, 10, 50)),
        (cells(folder), ONE, SPREAD, (1, 5, 10)),
        (digits(folder), ONE, (), (1, 5)),
        (few_test_images(cifar100(folder), 20), BOTH, (), (1, 5)),
        (hrf(folder), ONE, (), (5, 10)),
        (mini_imagenet(folder), ONE, (), (1, 5)),
    )
    for data, names, spread, per_class in tables:
        shots = per_class[:1] if options.quick else per_class
        results = run_sweep("class-names", list(map(load_recipe, names)), data, options, per_class=shots)
        if spread:
            more, tested = list(map(load_recipe, spread)), any(s.split == "test" for s in data.samples)
            given: dict[str, Any] = {"unlabelled": "rest"} if tested else {"transductive": True}
            results += run_sweep("class-names", more, data, options, per_class=shots, **given)
        show(results, control="logistic")
