"""Long tails in real data: white blood cells, 176 / 53 / 48 / 22 images, stratified 5-fold cross-validation.

Which method has the best balanced accuracy? The embedded EfficientNet-Lite0 with its first stages frozen, as
classification-lite0 has it; every row changes what its method is about and nothing else. One of two identical images is
left out. Nothing was looked for on these images with any of the rows but the first.
"""

from dataclasses import replace

from bench.support.accuracy import PREDICTIONS, run_folds, show
from bench.support.data import cells_once
from bench.support.keeping import Keeping
from bench.support.options import Options
from bench.tables.cvs_cells import SETTINGS
from handful.recipes.load import load_recipe

CONTROL = "cross-entropy"
SOFT = ('labels={name="word_embeddings",source="minilm",temperature=0.1}',)
DRW = 'stages.0.losses=[{{name="ldam"{scale},stop=0.8}},{{name="ldam"{scale},reweight="effective",start=0.8}}]'
FOCAL = ('stages.0.losses=[{name="class_balanced_focal",beta=0.9999,gamma=1.0}]',)
ROWS: dict[str, tuple[str, ...]] = {
    CONTROL: (),
    "resample": ('stages.0.sampler="balanced"',),
    "reweight": ('stages.0.losses=[{name="cross_entropy",reweight="inverse"}]',),
    "LDAM-DRW": ('head={name="cosine",scale=10.0,norm="none"}', DRW.format(scale=",scale=10.0")),
    "class-balanced focal": FOCAL,
    "balanced softmax": ('stages.0.losses=[{name="balanced_softmax"}]',),
    "logit adjustment": ('posthoc=[{name="logit_adjustment",tau=1.0}]',),
    "tau-normalisation": ('posthoc=[{name="tau_normalization",tau=1.0}]',),
    "soft labels": SOFT,
    "soft labels + class-balanced focal": (*SOFT, *FOCAL),
    "soft labels + LDAM-DRW": (*SOFT, DRW.format(scale="")),
}
REPEATS = 3


def run(options: Options) -> None:
    """Every row on the same folds; one repeat of all rows before the next."""
    data = cells_once(options.folder())
    quick = ("steps=4",) if options.quick else ()
    wanted = [
        replace(load_recipe("classification-lite0", overrides=(*SETTINGS, *overrides, *quick)), name=name)
        for name, overrides in ROWS.items()
    ]
    trainer = Keeping(PREDICTIONS / "networks")
    for repeats in range(1, 1 + (1 if options.quick else min(REPEATS, options.draws))):
        few = replace(options, draws=repeats)
        show(run_folds("long-tail-cells", wanted, data, few, folds=5, trainer=trainer), control=CONTROL)
