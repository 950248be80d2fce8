"""CvS, Tables II and III, with no hand masks: GrabCut on ten images per class trains a Seg-10, which does the rest.

CIFAR-10 at 5, 10 and 50 per class from random weights (WRN-16-2, 1,000 steps): does CvS still help when nobody drew a
mask? `cvs-wrn` has the paper's loss, on pixels alone; `cvs-joint-wrn` a cross-entropy on the image's score besides. And
the segmentation head with that cross-entropy alone, which needs no mask: how much of a gain is the head's? All four
once more in the recipes' own 3,000 steps: five draws at 50 per class, three at 5 and 10.
"""

from collections.abc import Sequence
from dataclasses import replace

from bench.support.accuracy import recipes, run_sweep, show
from bench.support.data import cifar10
from bench.support.options import Options
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result

CONTROL = "classification-wrn"
NAMES = ((CONTROL, "cvs-joint-wrn"), ("cvs-wrn",))  # in this order
NATURAL = (
    'augment=[{name="affine",degrees=15.0,translate=0.1,scale=[0.8,1.25],shear=0.0,fill="reflection"},{name="color_jitter"},'
    '{name="flip"}]'
)
STEPS = "steps=1000"  # the Seg-10 too; a third of the recipes', so that the table takes one hour, not three
LONGER, LONGER_DRAWS = "steps=3000", {5: 3, 10: 3, 50: 5}
SEEDS = 'prepare=[{name="grabcut",per_class=10},{name="propagate_masks"}]'
MASKLESS = "segmentation head, no masks"
NO_MASKS = ("prepare=[]", 'stages.0.losses=[{name="cross_entropy"}]')


def run(options: Options) -> None:
    """The control, CvS in both forms and the head alone on the same draws; then with more steps."""
    data, few = cifar10(options.folder()), options.quick
    show(run_all("cvs-cifar", data, options, steps=STEPS, per_class=(5,) if few else (5, 10, 50)), control=CONTROL)
    for shots, draws in {5: 1}.items() if few else LONGER_DRAWS.items():
        longer = run_all("cvs-cifar-longer", data, options, steps=LONGER, per_class=(shots,), draws=range(draws))
        show(longer, control=CONTROL)


def run_all(
    table: str,
    data: Dataset,
    options: Options,
    *,
    steps: str,
    per_class: Sequence[int],
    draws: Sequence[int] | None = None,
) -> list[Result]:
    """The four rows, each with so many steps."""
    results = []
    for wanted in (
        *(recipes(names, options, changes(names, SEEDS, steps)) for names in NAMES),
        [without_masks(options, steps)],
    ):
        results += run_sweep(table, wanted, data, options, per_class=per_class, draws=draws)
    return results


def changes(names: Sequence[str], masks: str, steps: str = STEPS) -> dict[str, tuple[str, ...]]:
    """What each recipe is given here: the same augmentation and steps, and for CvS where its masks come from."""
    return {name: (NATURAL, steps, masks) if name.startswith("cvs") else (NATURAL, steps) for name in names}


def without_masks(options: Options, steps: str = STEPS) -> Recipe:
    """The head of `cvs-wrn`, trained with the cross-entropy of the image's score alone."""
    (recipe,) = recipes(("cvs-wrn",), options, {"cvs-wrn": (NATURAL, steps, *NO_MASKS)})
    return replace(recipe, name=MASKLESS)
