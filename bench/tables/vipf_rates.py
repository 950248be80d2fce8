"""Learning rates for every rung of VIPF on development draws, scored on what they leave of the training images.

The paper's 0.1 belongs to batches of 1,024 images, 0.003 to ours of 32; what a small network wants may be another. Ten
classes leave 500 images a draw (a standard error of 2.2 points), so four draws are taken. Pools and a norm before the
linear layer, clipping and precise batch norm are rungs too. No test image is read: the best rate of each rung is
for the other tables.
"""

from bench.support.accuracy import run_sweep, show
from bench.support.data import cifar100_ten
from bench.support.options import Options
from bench.support.vipf import CONTROL, SETTINGS, variant
from bench.tables.vipf_ladder import LOSSES, switches

RATES = (0.1, 0.03, 0.01, 0.003)
DRAWS = (100, 101, 102, 103)
VIPF = "vipf-whole-small"
DSK = switches("DSK-ResNeXt")
PRECISE = 'posthoc=[{name="precise_batch_norm"}]'
CLIP = "stages.0.optimizer.clip=1.0"
TREE = "stages.0.losses.2.weight=0.0005"  # as the paper prints it
RUNGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "ResNeXt": (CONTROL, ()),
    "ResNeXt, precise batch norm": (CONTROL, (PRECISE,)),
    "SK-ResNeXt": (CONTROL, switches("SK-ResNeXt")),
    "DSK-ResNeXt": (CONTROL, DSK),
    "DSK-ResNeXt, precise batch norm": (CONTROL, (*DSK, PRECISE)),
    **{name: (CONTROL, (*DSK, f"stages.0.losses={losses}")) for name, losses in LOSSES.items()},
    "VIPF": (VIPF, ()),
    "VIPF, average pool": (VIPF, ('head.pool="avg"',)),
    "VIPF, tree 0.0005": (VIPF, (TREE,)),
    "VIPF, average pool, tree 0.0005": (VIPF, ('head.pool="avg"', TREE)),
    "VIPF, pools end to end": (VIPF, ('head.pool="concat"',)),
    "VIPF, feature norm": (VIPF, ('head.feature_norm="layer"',)),
    "VIPF, clipped": (VIPF, (CLIP,)),
    "VIPF, precise batch norm": (VIPF, (PRECISE,)),
}


def run(options: Options) -> None:
    """Every rung at every rate on ten classes of CIFAR-100; quick: one draw of a few steps."""
    setting = SETTINGS[0]
    data = cifar100_ten(options.folder())
    draws = DRAWS[:1] if options.quick else DRAWS[: options.draws]
    for name, (base, changes) in RUNGS.items():
        wanted = [variant(base, f"{name}, {rate:g}", setting, options, *changes, f"lr={rate}") for rate in RATES]
        results = run_sweep(
            "vipf-rates", wanted, data, options, per_class=(50,), draws=draws, score_on="rest", trainer=None
        )
        show(results, control=wanted[0].name)
