"""CvS, Tables II and III, with no hand masks: GrabCut on ten images per class trains a Seg-10, which does the rest.

CIFAR-10 at 5, 10 and 50 per class from random weights (WRN-16-2): does CvS still help when nobody drew a mask?
"""

from bench.accuracy import recipes, run_sweep, show
from bench.data import cifar10
from bench.options import Options

NAMES = ("classification-wrn", "cvs-joint-wrn", "cvs-wrn")
NATURAL = (
    'augment=[{name="affine",turn=15.0,shift=0.1,zoom=[0.8,1.25],shear=0.0,fill="reflection"},{name="colour"},'
    '{name="flip"}]'
)
SEEDS = 'prepare=[{name="grabcut",per_class=10},{name="propagate_masks"}]'


def run(options: Options) -> None:
    """The control and CvS in both forms on the same draws."""
    overrides = {name: (NATURAL, SEEDS) if name.startswith("cvs") else (NATURAL,) for name in NAMES}
    per_class = (5,) if options.quick else (5, 10, 50)
    wanted = recipes(NAMES, options, overrides)
    results = run_sweep("cvs-cifar", wanted, cifar10(options.folder()), options, per_class=per_class)
    show(results, control="classification-wrn")
