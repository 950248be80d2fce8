"""Heads fitted to the frozen features of the embedded EfficientNet-Lite0 (224 pixels), on CIFAR-10 and CIFAR-100.

The backbone saw ImageNet; CIFAR's images it did not. Label propagation is there twice: with the labelled images alone,
and with what the draws left over of the training part, labels taken away (never the test images), as regression on
pseudo-labels is. Two networks together and the class names as a prior are there without and with these images, and as
"mirrored" with probabilities averaged over each test image and its mirror image (CIFAR-10; on six development draws
ahead at 10 and 50 images per class, behind at 1 and 5, where it is not scored). Raw pixels are the control that knows
nothing. Image size, options and the temperatures for one image per class were found on draws 100 and up of CIFAR-10's
training part; the test parts are scored on draws 0 to 4 only.
"""

from dataclasses import replace

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar10, cifar100
from bench.support.options import Options
from handful.core.recipe import Recipe
from handful.recipes.load import load_recipe

NAMES = (
    "nearest-centroid-lite0",
    "logistic-lite0",
    "ridge-lite0",
    "lda-lite0",
    "knn-lite0",
    "tip-adapter-lite0",
    "label-propagation-lite0",
    "logistic-pixels",
    "logistic-names",
    "logistic@lite0+lite2",
    "logistic-names@lite0+lite2",
)
SPREAD = ("label-propagation-lite0", "pseudo-labels-lite0", "pseudo-labels-names@lite0+lite2")
MIRRORED = {
    "logistic@lite0+lite2": 'posthoc=[{name="tta",views="flip"}]',
    "logistic-names@lite0+lite2": 'posthoc=[{name="tta",views="flip"},{name="zero_shot_prior"}]',
}
MIRRORED_AT = (10, 50)
TABLES = ((cifar10, (1, 5, 10, 50)), (cifar100, (5, 10, 50)))


def run(options: Options) -> None:
    """A table for each data set; every image passes the backbone once (`HANDFUL_CACHE`)."""
    alone, spread = list(map(load_recipe, NAMES)), list(map(load_recipe, SPREAD))
    for read, per_class in TABLES:
        data = read(options.folder())
        shots = per_class[:1] if options.quick else per_class
        results = run_sweep("frozen-cifar", alone, data, options, per_class=shots)
        if read is cifar10 and not options.quick:
            results += run_sweep("frozen-cifar", mirrored(), data, options, per_class=MIRRORED_AT)
        results += run_sweep("frozen-cifar", spread, data, options, per_class=shots, unlabelled="rest")
        print(f"\n{read.__name__}")
        show(results, control="nearest-centroid-lite0")


def mirrored() -> list[Recipe]:
    """Recipes that average over each image and its mirror image."""
    return [
        replace(load_recipe(name, overrides=(posthoc,)), name=f"{name}, mirrored") for name, posthoc in MIRRORED.items()
    ]
