"""Contrastive pretraining on unlabelled CIFAR-10, then 10 or 50 images per class, from random weights (WRN-16-1).

Contrastive learning sees the 5,000 training images without labels once for all draws: two views of each by the recipe's
own augmentation, 3,000 steps of 128 images, that is 77 epochs (the paper has batches of 4,096 and 1,000 epochs of ten
times the images); no test image is among them. Fine-tuning has the control's augmentation, batches and 1,000 steps. The
control's rate and the pretrained network's, and whether its batch statistics are kept, are the best on draw 100, scored
on training images that the draw left over. Logistic regression and pseudo-labels (the training images that the draw
left over, without labels) read the frozen features of the pretrained network, and raw pixels. At 50 per class
SimCLRv2's third step is added: a student that begins with the same backbone and learns the labels that the fine-tuned
network gives to the surest half of the images that the draw left over, with three times the steps; the control has as
many in another row. 200 test images of each class.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar10, few_test_images
from bench.support.options import Options
from bench.support.pretrained import Pretrained, SelfTaught, scored_rows
from bench.tables.compare_cifar import SCORED
from bench.tables.cvs_cifar import NATURAL
from bench.tables.pretraining import BATCH_NORM, CONTROL
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result
from handful.data.unlabelled import Unlabelled
from handful.evaluation.evaluate import ScoreOn
from handful.evaluation.executor import Trainer
from handful.recipes.load import load_recipe

TABLE, PER_CLASS, DEVELOPMENT = "pretraining-cifar", (10, 50), 100
PRETRAINING_STEPS, STEPS, LONGER = 3000, 1000, 3000
SMALL = ("backbone.width=1",)
RATES, STATISTICS = (0.1, 0.03, 0.01), ("batch", "frozen")
CHOSEN = {
    10: {CONTROL: ("lr=0.1",), "pretrained": ("lr=0.03", 'stages.0.statistics="batch"')},
    50: {CONTROL: ("lr=0.1",), "pretrained": ("lr=0.03", 'stages.0.statistics="batch"')},
}
FEATURES = ("head.tukey=1.0",)
FROZEN = ('backbone={name="wide_resnet",depth=16,width=1,norm="batch"}', "image_size=[32, 32]", *FEATURES)
PIXELS = ('backbone={name="pixels"}', "image_size=[32, 32]", *FEATURES)


def run(options: Options) -> None:
    """Development draw, then every row on the same draws; quick: few steps and test images."""
    data = few_test_images(cifar10(options.folder()), 10 if options.quick else SCORED)
    trainer = Pretrained(contrastive(options), data.split("train"))
    for shots in PER_CLASS[:1] if options.quick else PER_CLASS:
        show(development(data, options, trainer, shots), control=f"{CONTROL}, {RATES[0]:g}")
        show(scored(data, options, trainer, shots), control=CONTROL)
    show(distilled(data, options, trainer), control=f"{CONTROL}, {LONGER:,} steps")


def contrastive(options: Options) -> Recipe:
    """The pretraining."""
    return load_recipe("contrastive-wrn", overrides=(*SMALL, f"steps={2 if options.quick else PRETRAINING_STEPS}"))


def row(name: str, *changes: str) -> Recipe:
    """A network with the control's augmentation and steps."""
    base = load_recipe("classification-wrn", overrides=(*SMALL, NATURAL, f"steps={STEPS}", *changes))
    return replace(base, name=name)


def development(data: Dataset, options: Options, trainer: Pretrained, shots: int) -> list[Result]:
    """Rates of both networks, and the pretrained one's batch statistics."""
    plain = [row(f"{CONTROL}, {rate:g}", f"lr={rate:g}") for rate in RATES]
    begun = [
        row(f"pretrained, {rate:g}, {kind}", *BATCH_NORM, f"lr={rate:g}", f'stages.0.statistics="{kind}"')
        for rate in RATES
        for kind in STATISTICS
    ]
    sweep = partial(_sweep, data=data, options=options, shots=shots, draws=(DEVELOPMENT,), score_on="rest")
    return sweep(plain) + sweep(begun, trainer=trainer)


def scored(data: Dataset, options: Options, trainer: Pretrained, shots: int) -> list[Result]:
    """Networks, then heads on frozen features, on test draws."""
    return scored_rows(
        partial(_sweep, data=data, options=options, shots=shots),
        trainer,
        controls=(row(CONTROL, *CHOSEN[shots][CONTROL]),),
        begun=row("pretrained", *BATCH_NORM, *CHOSEN[shots]["pretrained"]),
        frozen=FROZEN,
        pixels=PIXELS,
    )


def distilled(
    data: Dataset,
    options: Options,
    trainer: Pretrained,
    *,
    draws: Sequence[int] | None = None,
    score_on: ScoreOn = "test",
) -> list[Result]:
    """The student of SimCLRv2's third step, and the control with as many steps, at the larger size."""
    shots = PER_CLASS[-1]
    steps = f"steps={LONGER}"
    sweep = partial(_sweep, data=data, options=options, shots=shots, draws=draws, score_on=score_on)
    alone = row(f"{CONTROL}, {LONGER:,} steps", *CHOSEN[shots][CONTROL], steps)
    student = row("pretrained, taught by itself", *BATCH_NORM, *CHOSEN[shots]["pretrained"], steps)
    return sweep([alone]) + sweep([student], trainer=SelfTaught(trainer, STEPS), unlabelled="rest")


def _sweep(
    wanted: Sequence[Recipe],
    data: Dataset,
    options: Options,
    *,
    shots: int,
    draws: Sequence[int] | None = None,
    score_on: ScoreOn = "test",
    trainer: Trainer | None = None,
    unlabelled: Unlabelled = "none",
) -> list[Result]:
    few = [replace(r, stages=tuple(replace(stage, steps=2) for stage in r.stages)) for r in wanted]
    return run_sweep(
        TABLE if draws is None else f"{TABLE}-development",
        few if options.quick else wanted,
        data,
        options,
        per_class=(shots,),
        draws=draws or range(1 if options.quick else options.draws),
        score_on=score_on,
        unlabelled=unlabelled,
        trainer=trainer,
    )
