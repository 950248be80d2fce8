"""CvS, Table III, with no hand masks: CIFAR-100 at 5 per class, its masks predicted by a Seg-10 of CIFAR-10.

The Seg-10 learns from GrabCut masks of ten CIFAR-10 images per class (draw 0) and has seen none of the 100 classes.
It is trained once and kept in `bench/predictions`; delete it there to train it anew.
"""

import os
from pathlib import Path

from bench.support.accuracy import PREDICTIONS, recipes, run_sweep, show
from bench.support.data import cifar10, cifar100
from bench.support.options import Options
from bench.tables.cvs_cifar import NAMES, NATURAL, STEPS, changes
from handful.data import splits
from handful.recipes.load import load_recipe
from handful.saving.classifier import save_classifier
from handful.training.train import train


def run(options: Options) -> None:
    """The control and CvS in both forms on the same draws."""
    model = segmenter(options)
    masks = f'prepare=[{{name="propagate_masks",per_class=0,model="{model}"}}]'
    data = cifar100(options.folder())
    results = []
    for names in NAMES:
        wanted = recipes(names, options, changes(names, masks))
        results += run_sweep("cvs-cifar100", wanted, data, options, per_class=(5,))
    show(results, control="classification-wrn")


def segmenter(options: Options) -> Path:
    """The saved Seg-10, trained if it is not there; the path is relative, since it becomes part of the recipes."""
    folder = PREDICTIONS / ("cvs-cifar-seg10-quick" if options.quick else "cvs-cifar-seg10")
    if not folder.exists():
        steps = "steps=4" if options.quick else STEPS
        recipe = load_recipe("cvs-wrn", overrides=(NATURAL, 'prepare=[{name="grabcut",per_class=10}]', steps))
        chosen, _ = splits.draw(splits.training_split(cifar10(options.folder())), 10, 0)
        save_classifier(train(recipe, chosen, seed=0), folder)
    return Path(os.path.relpath(folder))
