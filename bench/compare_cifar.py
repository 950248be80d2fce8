"""Which method for CIFAR-10 at 1, 5, 10 and 50 per class, with the embedded backbone and without.

No hand masks: for CvS, GrabCut on ten images per class trains a Seg-10, which does the rest, as in `cvs-cifar`.
"""

from bench.comparisons import run_comparison
from bench.cvs_cifar import SEEDS
from bench.data import cifar10
from bench.options import Options

HEADS = ("nearest-centroid-lite0", "logistic-lite0", "tip-adapter-lite0", "lda-lite0")
PLAIN = ("classification-lite0", "soft-labels-lite0", "classification-resnext-small", "vipf-small")
MASKED = ("cvs-lite0", "cvs-joint-lite0")


def run(options: Options) -> None:
    """Controls and frozen heads, CvS, VIPF with its control, soft labels."""
    wanted = dict.fromkeys((*HEADS, *PLAIN), ()) | dict.fromkeys(MASKED, (SEEDS,))
    run_comparison("compare-cifar", wanted, cifar10(options.folder()), options, per_class=(1, 5, 10, 50))
