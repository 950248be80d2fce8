"""VIPF, Table 1: ablation of the changes of network and loss to ResNeXt, from random weights.

All rungs have the same augmentation (random resized crop, flip, CutMix), schedule and smoothing; losses differ in the
last two rungs, whose center weight is the swapped reading of the paper (see the recipe paper-vipf-dsk50-swapped).
The rate is 0.1 at 32 images for all, which is not the paper's; `vipf-rates` looks for that of each rung.
"""

from bench.support.options import Options
from bench.support.vipf import CONTROL, Setting, run_variants

PLAIN = {"dual": False, "selective": False, "anti_alias": False}
RUNGS: dict[str, dict[str, bool]] = {
    "ResNeXt": {},
    "D-ResNeXt": {"dual": True},
    "SK-ResNeXt, not anti-aliased": {"selective": True},
    "SK-ResNeXt": {"selective": True, "anti_alias": True},
    "DSK-ResNeXt": {"dual": True, "selective": True, "anti_alias": True},
}
POSITIVE = '{name="positive_class",smoothing=0.1}'
CENTER = '{name="center",weight=0.016}'
LOSSES = {"DSK-ResNeXt + PCL": f"[{POSITIVE}]", "DSK-ResNeXt + PCL + CL": f"[{POSITIVE},{CENTER}]"}


def switches(rung: str) -> tuple[str, ...]:
    """A rung's network as overrides."""
    return tuple(f"backbone.{name}={str(on).lower()}" for name, on in {**PLAIN, **RUNGS[rung]}.items())


def run(options: Options) -> None:
    """The ladder on both tasks."""

    def make(setting: Setting) -> dict[str, tuple[str, tuple[str, ...]]]:  # noqa: ARG001
        networks = {rung: (CONTROL, switches(rung)) for rung in RUNGS}
        dsk = switches("DSK-ResNeXt")
        return networks | {name: (CONTROL, (*dsk, f"stages.0.losses={losses}")) for name, losses in LOSSES.items()}

    run_variants("vipf-ladder", make, options, control="ResNeXt")
