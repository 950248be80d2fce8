"""CvS on 45 fundus photographs (its section V-D4): stratified 5-fold cross-validation on the embedded backbone.

256 pixels with the early stages frozen, which is what two cores allow; the paper has 512.
The recipes' settings were found on the white blood cells; here only the time of a step was tried, on two folds.
Every image is used in every repeat, so repeats re-split the same 45 and the interval is Nadeau and Bengio's.
"""

from dataclasses import replace

from bench.support.accuracy import recipes, run_folds, show
from bench.support.automatic_masks import with_grabcut
from bench.support.data import hrf
from bench.support.options import Options

NAMES = ("classification-lite0", "multitask-lite0", "cvs-lite0")
SMALLER = ("image_size=[256, 256]", "batch_size=8", "steps=120")
SOURCES = {
    "matched": 'prepare=[{name="match_masks",per_class=1}]',
    "Otsu": 'prepare=[{name="binarize",rule="otsu",replace=true}]',
    "GrabCut": "prepare=[]",
}
BEFORE = {"GrabCut": with_grabcut}  # made once for all folds, as each image takes seconds


def run(options: Options) -> None:
    """Three recipes under the same folds, and the two with masks again with those of each source."""
    wanted = recipes(NAMES, options, dict.fromkeys(NAMES, SMALLER))
    show(run_folds("cvs-hrf", wanted, hrf(options.folder()), options, folds=5), control="classification-lite0")
    for source in SOURCES:
        run_source(source, options)


def run_source(source: str, options: Options) -> None:
    """The two recipes that read masks, with those of one source in place of the hand masks.

    Args:
        source: of the masks: "matched" to one hand mask per class; "Otsu" and "GrabCut", from none.
        options: where the data are.
    """
    data = hrf(options.folder())
    if source in BEFORE:
        data = BEFORE[source](data)
    for name in NAMES[:0:-1]:
        wanted = recipes((name,), options, {name: (*SMALLER, SOURCES[source])})
        row = f"{name}, {source}"
        wanted = [replace(recipe, name=row) for recipe in wanted]
        show(run_folds("cvs-hrf", wanted, data, options, folds=5), control=row)
