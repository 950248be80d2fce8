"""VIPF: 360 epochs against 90, which gave the paper 5.3 points on ImageNet, in a small case: 20 images per class.

Of the plain network and of DSK-ResNeXt, whose two branches are each trained half of the time: at 60 epochs of 50 images
per class it still fits its training images far worse than the plain one does.
"""

from bench.support.options import Options
from bench.support.vipf import CONTROL, SETTINGS, Setting, run_variants
from bench.tables.vipf_ladder import switches
from bench.tables.vipf_tricks import BARE, cut


def run(options: Options) -> None:
    """Both networks with CutMix, on CIFAR-100."""

    def make(setting: Setting) -> dict[str, tuple[str, tuple[str, ...]]]:  # noqa: ARG001
        plain = (*BARE, cut(0.5), "stages.0.floor=1")
        return {
            f"{rung}, {n} epochs": (CONTROL, (*switches(rung), *plain, f"epochs={n}"))
            for n in (90, 360)
            for rung in ("ResNeXt", "DSK-ResNeXt")
        }

    control = "ResNeXt, 90 epochs"
    run_variants("vipf-epochs", make, options, control=control, settings=SETTINGS[:1], per_class=20, trainer=None)
