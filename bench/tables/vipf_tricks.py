"""VIPF, Tables 4 and 5 at a smaller size, and longer training: CutMix probabilities, dual pool, smoothing, dropout.

As in the paper, Table 4 starts from ResNeXt without the tricks of Table 5. The paper trained 90 epochs for Table 4 and
360 for Table 5; here all have the small recipe's 60. What 360 are worth: vipf-epochs.
"""

from bench.support.options import Options
from bench.support.vipf import CONTROL, SETTINGS, Setting, run_variants

BARE = ('stages.0.losses=[{name="cross_entropy"}]', "head.dropout=0.0")
CROP_FLIP = '{name="random_resized_crop",scale=[0.25,1.0]},{name="flip"}'


def cut(probability: float) -> str:
    """The augmentation with this much CutMix."""
    mix = f',{{name="cutmix",probability={probability}}}' if probability else ""
    return f"augment=[{CROP_FLIP}{mix}]"


def run(options: Options) -> None:
    """One change at a time on CIFAR-100."""
    smooth = 'stages.0.losses=[{name="cross_entropy",smoothing=0.1}]'
    none = (*BARE, cut(0))

    def make(setting: Setting) -> dict[str, tuple[str, tuple[str, ...]]]:  # noqa: ARG001
        wanted: dict[str, tuple[str, ...]] = {"ResNeXt": none}
        wanted |= {f"CutMix {p}": (*BARE, cut(p)) for p in (0.3, 0.5, 0.7, 1.0)}
        wanted |= {
            "dual pool": (*none, 'head.pool="dual"'),
            "label smoothing": (*none, smooth),
            "dropout 0.2": (*none, "head.dropout=0.2"),
            "dropout 0.4": (*none, "head.dropout=0.4"),
            "dual pool + smoothing + dropout 0.2": (*none, smooth, 'head.pool="dual"', "head.dropout=0.2"),
        }
        return {name: (CONTROL, overrides) for name, overrides in wanted.items()}

    run_variants("vipf-tricks", make, options, control="ResNeXt", settings=SETTINGS[:1], trainer=None)
