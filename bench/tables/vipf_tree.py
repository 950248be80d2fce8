"""VIPF, Table 2's question: does tree supervision help other networks? EfficientNet and ResNeSt from random weights.

The tree comes from the class names (MiniLM, clustered), at weight 1 (the swapped reading) and, on CIFAR-100 alone,
where a run is a minute and not five, at the printed 0.0005.
"""

from bench.support.options import Options
from bench.support.vipf import CONTROL, Setting, run_variants

CE = '{name="cross_entropy",smoothing=0.1}'
WEIGHTS = {"": None, " + TSL": 1.0}
PRINTED = {" + TSL x 0.0005": 0.0005}


def run(options: Options) -> None:
    """Two networks, each without and with the loss."""

    def make(setting: Setting) -> dict[str, tuple[str, tuple[str, ...]]]:
        small = setting.name == "cifar100"
        stride = 8 if small else 16  # stages behind it would see a cell or two
        weights = {**WEIGHTS, **(PRINTED if small else {})}
        networks = {
            "EfficientNet-Lite0": f'{{name="timm",model="tf_efficientnet_lite0",pretrained=false,stride={stride}}}',
            "ResNeSt-14d": f'{{name="timm",model="resnest14d",pretrained=false,stride={stride}}}',
        }
        wanted = {}
        for network, backbone in networks.items():
            for suffix, weight in weights.items():
                tree = "" if weight is None else f',{{name="tree_supervision",weight={weight},smoothing=0.1}}'
                hierarchy = () if weight is None else ('hierarchy={name="embeddings"}',)
                overrides = (f"backbone={backbone}", f"stages.0.losses=[{CE}{tree}]", *hierarchy)
                wanted[network + suffix] = (CONTROL, overrides)
        return wanted

    run_variants("vipf-tree", make, options, control="EfficientNet-Lite0")
