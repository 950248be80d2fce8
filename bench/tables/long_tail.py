"""Long tails: CIFAR-10 at ratios of 100 and 10, head class 500 images, from random weights (WRN-16-1).

Rows as the soft-label paper's Table 4 (cross-entropy, resample, reweight, LDAM, CB focal, soft labels alone and under
the latter two; vectors of MiniLM, not the paper's), and what came after them. The paper's head class has 5,000 images
and its test set is class-balanced, as is this one.
Batches, epochs and augmentation are those of `soft-labels`: after 2,000 steps of 20 images, which is what was tried
first, no network found the rarer half of the classes at all. LDAM's scale is 10, chosen on development draw 100 after
the paper's 30 had been scored. Nothing else was looked for on these images.
"""

from bench.support.accuracy import PREDICTIONS, recipes, run_sweep, show
from bench.support.data import cifar10, few_test_images
from bench.support.keeping import Keeping
from bench.support.options import Options
from bench.tables.soft_labels import SETTINGS

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
STEPS = {10: (3264, 576), 100: (1989, 351)}  # of crt-wrn's two stages: 51 and 9 epochs; the others have one stage


def run(options: Options) -> None:
    """Every method on the same draws, at each ratio; quick: the smaller ratio, on few test images."""
    data = cifar10(options.folder())
    if options.quick:
        data = few_test_images(data)
    trainer = Keeping(PREDICTIONS / "networks")
    names = (*MAIN, *OTHERS)
    for ratio in (10,) if options.quick else (100, 10):
        wanted = recipes(names, options, {name: settings(name, ratio) for name in names})
        results = run_sweep("long-tail", wanted, data, options, per_class=(LARGEST,), long_tail=ratio, trainer=trainer)
        show(results, control=CONTROL)
        print()


def settings(name: str, ratio: int) -> tuple[str, ...]:
    """What a row changes of its recipe."""
    if name != "crt-wrn":
        return SETTINGS
    first, second = STEPS[ratio]
    kept = tuple(s for s in SETTINGS if not s.startswith(("epochs", "stages")))
    return (*kept, f"stages.0.steps={first}", f"stages.1.steps={second}")
