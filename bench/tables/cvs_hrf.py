"""CvS on 45 fundus photographs (its section V-D4): stratified 5-fold cross-validation on the embedded backbone.

256 pixels with the early stages frozen, which is what two cores allow; the paper has 512.
The recipes' settings were found on the white blood cells; here only the time of a step was tried, on two folds.
Every image is used in every repeat, so repeats re-split the same 45 and the interval is Nadeau and Bengio's.
"""

from bench.support.accuracy import recipes, run_folds, show
from bench.support.data import hrf
from bench.support.options import Options

NAMES = ("classification-lite0", "multitask-lite0", "cvs-lite0")
SMALLER = ("image_size=[256, 256]", "batch_size=8", "steps=120")


def run(options: Options) -> None:
    """Three recipes under the same folds."""
    wanted = recipes(NAMES, options, dict.fromkeys(NAMES, SMALLER))
    show(run_folds("cvs-hrf", wanted, hrf(options.folder()), options, folds=5), control="classification-lite0")
