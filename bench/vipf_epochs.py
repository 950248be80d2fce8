"""VIPF: 360 epochs against 90, which gave the paper 5.3 points on ImageNet, in a small case: 20 images per class."""

from bench.options import Options
from bench.vipf import CONTROL, SETTINGS, Setting, run_variants
from bench.vipf_tricks import BARE, cut


def run(options: Options) -> None:
    """ResNeXt with CutMix, on CIFAR-100."""

    def make(setting: Setting) -> dict[str, tuple[str, tuple[str, ...]]]:  # noqa: ARG001
        plain = (*BARE, cut(0.5), "stages.0.floor=1")
        return {f"{n} epochs": (CONTROL, (*plain, f"epochs={n}")) for n in (90, 360)}

    run_variants("vipf-epochs", make, options, control="90 epochs", settings=SETTINGS[:1], per_class=20, trainer=None)
