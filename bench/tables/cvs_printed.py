"""CvS as printed on MNIST (table I) in a small network: three recipes under each other's augmentation, WRN-10-2.

The paper gives CvS turns, shifts and noise, and its controls crop and flip: both for all tell the method from the
augmentation. All else is that of the `paper-*-wrn` recipes (rate, batch norm, dropout, weight decay, 1,500 steps of at
most 32 images, the paper's reading of the maps), but for the network: WRN-28-10 there, which the trial `cvs-mnist` of
`bench/gpu` has. Nothing was chosen on any image. Two rows have three times the steps, since on development draw 100
CvS, which has all its training images right after 1,500, still gains by more.
"""

from collections.abc import Iterator
from dataclasses import replace

from bench.support.accuracy import run_sweep, show
from bench.support.data import few_test_images, mnist
from bench.support.options import Options
from handful.core.recipe import Recipe
from handful.recipes.load import load_recipe

BASES = ("paper-classification-wrn", "paper-cvs-wrn", "paper-multitask-wrn")
AUGMENT = {
    "crop and flip": 'augment=[{name="crop",scale=[0.08,1.0]},{name="flip"}]',
    "turn, shift, noise": 'augment=[{name="rotation"},{name="translate_scale"},{name="noise"}]',
}
CONTROL = "paper-classification-wrn, crop and flip"
SMALL = ("backbone.depth=10", "backbone.width=2")
STEPS, LONGER = 1500, 4500
PER_CLASS = (1, 5)


def rows(*changes: str) -> Iterator[Recipe]:
    """Each recipe with each augmentation, and these changes; the control comes first."""
    for base in BASES:
        for name, augment in AUGMENT.items():
            yield replace(load_recipe(base, overrides=(augment, *changes)), name=f"{base}, {name}")


def longer(steps: int = LONGER) -> list[Recipe]:
    """Classification and CvS under the latter's augmentation, with more steps."""
    wanted = list(rows(*SMALL, f"steps={steps}"))
    return [replace(wanted[i], name=f"{wanted[i].name}, {LONGER:,} steps") for i in (1, 3)]


def run(options: Options) -> None:
    """Six networks on the same draws, and two of them trained longer."""
    data = mnist(options.folder())
    if options.quick:
        data = few_test_images(data)
    wanted = list(rows(*SMALL, f"steps={2 if options.quick else STEPS}"))
    per_class = PER_CLASS[:1] if options.quick else PER_CLASS
    draws = range(1 if options.quick else options.draws)
    results = run_sweep("cvs-printed", wanted, data, options, per_class=per_class, draws=draws)
    more = longer(2) if options.quick else longer()
    results += run_sweep("cvs-printed", more, data, options, per_class=per_class, draws=draws)
    show(results, control=CONTROL)
