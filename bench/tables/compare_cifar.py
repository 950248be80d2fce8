"""Comparison of methods on CIFAR-10 at 1, 5, 10 and 50 per class, with the embedded backbone and without.

No hand masks: for CvS, GrabCut on ten images per class trains a Seg-10, which does the rest, as in `cvs-cifar`. Cross
entropy, soft labels and CvS share size, augmentation and steps with fine-tuning (`fine-tuned-lite0`), but keep their
first stages frozen. Scored on 200 test images of each class.
"""

from bench.support.comparisons import run_comparison
from bench.support.data import cifar10, few_test_images
from bench.support.options import Options
from bench.tables.cvs_cifar import SEEDS

HEADS = ("nearest-centroid-lite0", "logistic-lite0", "tip-adapter-lite0", "lda-lite0")
FROZEN = ("classification-lite0", "soft-labels-lite0", "cvs-lite0")
OTHERS = ("fine-tuned-lite0", "classification-resnext-small", "vipf-small")
NATURAL = (
    "image_size=[160,160]",
    "steps=300",
    'augment=[{name="affine",degrees=10.0,translate=0.1,scale=[0.85,1.2],shear=0.0,fill="reflection"},{name="color_jitter"},'
    '{name="flip"}]',
)
SCORED = 200  # test images of each class


def run(options: Options) -> None:
    """Controls and frozen heads, CvS, soft labels, fine-tuning, VIPF with its control."""
    wanted: dict[str, tuple[str, ...]] = dict.fromkeys((*HEADS, *OTHERS), ())
    wanted |= {name: (*NATURAL, SEEDS) if name.startswith("cvs") else NATURAL for name in FROZEN}
    data = few_test_images(cifar10(options.folder()), SCORED)
    run_comparison("compare-cifar", wanted, data, options, per_class=(1, 5, 10, 50))
