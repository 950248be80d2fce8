"""VIPF after the paper's 360 epochs, every rung at the rate that was best on a development draw: a CPU's form.

Ten classes of CIFAR-100 at 50 per class. Networks of 11 layers and four rungs, as a run is 8 to 20 minutes on one core;
the trial `vipf-best` of `bench.gpu` has all rungs at 20 layers. Rates were compared at 20 layers and 60 epochs
(`vipf-rates`). A step trains one of the two branches of DSK-ResNeXt, so each has half of the steps.
"""

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar100_ten
from bench.support.options import Options
from bench.support.vipf import DRAWS, SETTINGS, variant
from bench.tables.vipf_rates import RUNGS
from handful.core.recipe import Recipe

RATES = {"ResNeXt": 0.03, "DSK-ResNeXt": 0.03, "VIPF": 0.01, "VIPF, average pool, tree 0.0005": 0.03}
EPOCHS, DEPTH = 360, 11


def wanted(options: Options) -> list[Recipe]:
    """The four rungs, each at its rate."""
    trained = (f"epochs={EPOCHS}", f"backbone.depth={DEPTH}")
    return [
        variant(RUNGS[rung][0], rung, SETTINGS[0], options, *RUNGS[rung][1], *trained, f"lr={rate}")
        for rung, rate in RATES.items()
    ]


def run(options: Options) -> None:
    """The four rungs on draws 0 to 2, scored once on the test part."""
    data = cifar100_ten(options.folder())
    draws = range(1 if options.quick else min(options.draws, DRAWS))
    results = run_sweep("vipf-best", wanted(options), data, options, per_class=(50,), draws=draws, trainer=None)
    show(results, control="ResNeXt")
