"""Long tails: CIFAR-10 at ratios of 10 and 100, head class 500 images, from random weights (WRN-16-2), two draws.

Rows as the soft-label paper's Table 4 (cross-entropy, resample, reweight, LDAM, CB focal, soft labels alone and under
the latter two; vectors of MiniLM, not the paper's), and what came after them. The paper's head class has 5,000 images
and its test set is class-balanced, as is this one.
Settings are the recipes' but for the steps, two thirds of theirs; none was looked for on these images.
"""

from typing import Any

from bench.accuracy import PREDICTIONS, recipes, run_sweep, show
from bench.cvs_cifar import NATURAL
from bench.data import cifar10, few_test_images
from bench.keeping import Keeping
from bench.options import Options

CONTROL = "classification-wrn"
MAIN = (
    CONTROL,
    "soft-labels-wrn",
    "ldam-drw-wrn",
    "soft-labels-ldam-drw-wrn",
    "class-balanced-focal-wrn",
    "soft-labels-class-balanced-focal-wrn",
    "balanced-softmax-wrn",
    "logit-adjustment-wrn",
)
OTHERS = ("resample-wrn", "reweight-wrn", "ldam-wrn", "tau-norm-wrn", "crt-wrn")
LARGEST = 500
STEPS = {"crt-wrn": ("stages.0.steps=1700", "stages.1.steps=300")}  # the others have one stage
DRAWS = 2


def run(options: Options) -> None:
    """Every method on the same draws, at each ratio; quick: the smaller ratio, on few test images."""
    data = cifar10(options.folder())
    if options.quick:
        data = few_test_images(data)
    draws = range(min(DRAWS, options.draws))
    trainer = Keeping(PREDICTIONS / "networks")
    for names in (MAIN, (CONTROL, *OTHERS)):
        wanted = recipes(names, options, {name: (NATURAL, *STEPS.get(name, ("steps=2000",))) for name in names})
        for ratio in (10,) if options.quick else (10, 100):
            tail: dict[str, Any] = {"per_class": (LARGEST,), "draws": draws, "long_tail": ratio}
            show(run_sweep("long-tail", wanted, data, options, trainer=trainer, **tail), control=CONTROL)
            print()
