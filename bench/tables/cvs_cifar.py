"""CvS, Tables II and III, with no hand masks: GrabCut on ten images per class trains a Seg-10, which does the rest.

CIFAR-10 at 5, 10 and 50 per class from random weights (WRN-16-2, 1,000 steps): does CvS still help when nobody drew a
mask?
"""

from collections.abc import Sequence

from bench.support.accuracy import recipes, run_sweep, show
from bench.support.data import cifar10
from bench.support.options import Options

NAMES = (("classification-wrn", "cvs-joint-wrn"), ("cvs-wrn",))  # in this order
NATURAL = (
    'augment=[{name="affine",degrees=15.0,translate=0.1,scale=[0.8,1.25],shear=0.0,fill="reflection"},{name="color_jitter"},'
    '{name="flip"}]'
)
STEPS = "steps=1000"  # the Seg-10 too; a third of the recipes', so that the table takes one hour, not three
SEEDS = 'prepare=[{name="grabcut",per_class=10},{name="propagate_masks"}]'


def run(options: Options) -> None:
    """The control and CvS in both forms on the same draws."""
    per_class = (5,) if options.quick else (5, 10, 50)
    data = cifar10(options.folder())
    results = []
    for names in NAMES:
        wanted = recipes(names, options, changes(names, SEEDS))
        results += run_sweep("cvs-cifar", wanted, data, options, per_class=per_class)
    show(results, control="classification-wrn")


def changes(names: Sequence[str], masks: str) -> dict[str, tuple[str, ...]]:
    """What each recipe is given here: the same augmentation and steps, and for CvS where its masks come from."""
    return {name: (NATURAL, STEPS, masks) if name.startswith("cvs") else (NATURAL, STEPS) for name in names}
