"""VIPF as a whole against tuned cross-entropy and the strongest priors known without pretraining.

Harmonic convolutions (all filters, and the lower six of nine) and full padding are options of the wide residual
network, so its plain form is there too. Ten-crop is added to the control as well, so that it explains no difference.
All parts of the paper at once, its weights by the swapped reading, are the recipe `vipf-whole-small`, at the paper's
rate of 0.1 for 1,024 images; what of it works here is `vipf-small`. The row "VIPF" of the log ran at 0.1 for 32 images,
and died.
"""

from bench.support.options import Options
from bench.support.vipf import CONTROL, WHOLE, Setting, run_variants

TEN_CROP = 'posthoc=[{name="tta",views="ten_crop"}]'
WIDE = 'name="wide_resnet",depth=16,width=2,dropout=0.0'


def run(options: Options) -> None:
    """Whole methods on both tasks."""

    def make(setting: Setting) -> dict[str, tuple[str, tuple[str, ...]]]:
        strides = "" if setting.name == "cifar100" else ",strides=[2,2,2]"

        def wide(more: str = "") -> tuple[str, tuple[str, ...]]:
            return CONTROL, (f"backbone={{{WIDE}{strides}{more}}}", "head.norm=batch")

        return {
            "ResNeXt": (CONTROL, ()),
            "vipf-small": (WHOLE, ()),
            "WRN-16-2": wide(),
            "WRN-16-2, harmonic": wide(',convolution="harmonic"'),
            "WRN-16-2, harmonic 3": wide(',convolution="harmonic",harmonics=3'),
            "WRN-16-2, full padding": wide(',padding="full"'),
            "ResNeXt, ten-crop": (CONTROL, (TEN_CROP,)),
            "vipf-small, ten-crop": (WHOLE, (TEN_CROP,)),
            "VIPF, the paper's rate": ("vipf-whole-small", ()),
        }

    run_variants("vipf-whole", make, options, control="ResNeXt")
