"""Fundus photographs at the paper's 512 pixels, five rounds of five folds: EfficientNet-Lite0, all layers trained.

The paper has ResNet-101. Logistic regression on frozen features needs no mask: what masks and training add to it.
"""

from collections.abc import Sequence
from pathlib import Path

from bench.gpu.trial import Row, Trial
from bench.support.data import hrf
from handful.evaluation.evaluate import Protocol

SIZE = "image_size=[512, 512]"
UNFROZEN = ('backbone.freeze="none"', "cache_views=0", 'precision="fp32"')
BASES = {"full": (), "cvs-full": (), "multitask": UNFROZEN}


def rows(folder: Path) -> Sequence[Row]:  # noqa: ARG001
    """Three networks and a head on frozen features under the same folds."""
    protocol = Protocol(folds=5)
    trained = [Row(f"{base}, 512 pixels", base, protocol, (SIZE, "batch_size=8", *c)) for base, c in BASES.items()]
    return [Row("logistic, 512 pixels", "logistic", protocol, (SIZE,)), *trained]


TRIAL = Trial(
    "hrf",
    "fundus photographs at 512 pixels, five rounds of five folds: 100 runs",
    ("hrf",),
    hrf,
    rows,
)
