"""Pretraining on unlabelled digits, where photographs teach nothing: MNIST at 1, 5 and 10 images per class.

WRN-16-1 on images of 14 pixels, a size at which a processor pretrains in minutes. Contrastive learning sees the 10,000
training images without labels once for all draws, two views of each by the control's own augmentation; no test image is
among them. Fine-tuning then has the control's steps; its rate, and the control's, are the best of two on draw 100 at
five per class, scored on training images that the draw left over. A control has ten times the steps.
Logistic regression and pseudo-labels (the training images that the draw left over, without labels) read the frozen
features of the pretrained network, and raw pixels. 200 test images of each digit.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bench.support.accuracy import run_sweep, show
from bench.support.data import few_test_images, mnist
from bench.support.options import Options
from bench.support.pretrained import Pretrained, scored_rows
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.unlabelled import Unlabelled
from handful.recipes.load import load_recipe

TABLE, PER_CLASS, SCORED = "pretraining", (1, 5, 10), 200
PRETRAINING_STEPS, LONGER = 1000, 3000
DEVELOPMENT, RATES, STATISTICS = 100, (0.1, 0.01), ("batch", "frozen")
VIEW = '[{name="affine",degrees=20.0,translate=0.1,scale=[0.7,1.3],shear=20.0,elastic=0.09}]'
SMALL = ("image_size=[14, 14]", "backbone.width=1")
CONTROL = "random weights"
CHOSEN = {CONTROL: ("lr=0.1",), "pretrained": ("lr=0.01", 'stages.0.statistics="frozen"')}  # by `development`
TUNED = (*SMALL, "steps=300", f"augment={VIEW}")
BATCH_NORM = ('backbone.norm="batch"', 'head.norm="batch"')  # as the backbone that was pretrained has it
FROZEN = ('backbone={name="wide_resnet",depth=16,width=1,norm="batch"}', "image_size=[14, 14]", "head.tukey=1.0")
PIXELS = ('backbone={name="pixels"}', "image_size=[14, 14]", "head.tukey=1.0")


def run(options: Options) -> None:
    """Development draw, then every row on the same draws; quick: one size, few steps."""
    data = few_test_images(mnist(options.folder()), 10 if options.quick else SCORED)
    show(development(data, options), control=CONTROL)
    show(scored(data, options), control=CONTROL)


def contrastive(options: Options) -> Recipe:
    """The pretraining: two views of each image by the control's augmentation, no flips and no colors."""
    steps = 2 if options.quick else PRETRAINING_STEPS
    views = (f"augment={VIEW}", f"stages.0.views.0.augment={VIEW}")
    return load_recipe("contrastive-wrn", overrides=(*SMALL, *views, f"steps={steps}"))


def development(data: Dataset, options: Options) -> list[Result]:
    """Rates of both networks, and the pretrained one's batch statistics, on training images that draw 100 left over."""
    trainer = Pretrained(contrastive(options), data.split("train"))
    plain = [row(f"{CONTROL}, {rate:g}", f"lr={rate:g}") for rate in RATES]
    begun = [
        row(f"pretrained, {rate:g}, {kind}", *BATCH_NORM, f"lr={rate:g}", f'stages.0.statistics="{kind}"')
        for rate in RATES
        for kind in STATISTICS
    ]
    results: list[Result] = []
    for wanted, fit in ((plain, None), (begun, trainer)):
        few = [replace(recipe, stages=(replace(recipe.stages[0], steps=2),)) for recipe in wanted]
        results += run_sweep(
            f"{TABLE}-development",
            few if options.quick else wanted,
            data,
            options,
            per_class=(5,),
            draws=(DEVELOPMENT,),
            score_on="rest",
            trainer=fit,
        )
    return results


def row(name: str, *changes: str) -> Recipe:
    """A network with the control's augmentation and steps."""
    return replace(load_recipe("classification-wrn", overrides=(*TUNED, *changes)), name=name)


def scored(data: Dataset, options: Options) -> list[Result]:
    """Networks, then heads on frozen features, on test draws."""
    trainer = Pretrained(contrastive(options), data.split("train"))
    longer = row("random weights, ten times the steps", *CHOSEN[CONTROL], f"steps={LONGER}")
    return scored_rows(
        partial(_sweep, data=data, options=options),
        trainer,
        controls=(row(CONTROL, *CHOSEN[CONTROL]), longer),
        begun=row("pretrained", *BATCH_NORM, *CHOSEN["pretrained"]),
        frozen=FROZEN,
        pixels=PIXELS,
    )


def _sweep(
    wanted: Sequence[Recipe],
    data: Dataset,
    options: Options,
    *,
    trainer: Pretrained | None = None,
    unlabelled: Unlabelled = "none",
) -> list[Result]:
    few = [replace(r, stages=tuple(replace(stage, steps=2) for stage in r.stages)) for r in wanted]
    return run_sweep(
        TABLE,
        few if options.quick else wanted,
        data,
        options,
        per_class=PER_CLASS[:1] if options.quick else PER_CLASS,
        draws=range(1 if options.quick else options.draws),
        unlabelled=unlabelled,
        trainer=trainer,
    )
