"""Features of an earlier stage beside the last, and of two networks together: where are they worth their numbers?

CIFAR-10 (2,000 test images), which the backbones' ImageNet resembles; digits (MNIST, 1,000 test images), white blood
cells and fundus photographs, which it does not. The stride (16, of 16 and 8) was chosen on draws 100 to 104 of
`mnist5k`, the cells and the fundus photographs.
"""

from bench.support.accuracy import run_sweep, show
from bench.support.data import cells, cifar10, few_test_images, hrf, mnist
from bench.support.options import Options
from handful.recipes.load import load_recipe

CONTROL = "logistic"
NAMES = (CONTROL, "logistic-hypercolumns", "logistic@lite0+lite2")


def run(options: Options) -> None:
    """A table for each data set; every image passes each backbone once (`HANDFUL_CACHE`)."""
    folder = options.folder()
    tables = (
        (cells(folder), (5, 10)),
        (hrf(folder), (5, 10)),
        (few_test_images(mnist(folder), 100), (5, 10)),
        (few_test_images(cifar10(folder), 200), (5, 10)),
    )
    for data, per_class in tables:
        shots = per_class[:1] if options.quick else per_class
        show(run_sweep("hypercolumns", list(map(load_recipe, NAMES)), data, options, per_class=shots), control=CONTROL)
