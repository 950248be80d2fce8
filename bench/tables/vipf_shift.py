"""Shift consistency: how often a prediction survives a shift of 1 to 4 pixels, with and without blurred down-sampling.

A window of the test image, 8 pixels smaller than it, is moved by s pixels to each of the four sides; counted are the
windows whose predicted class is that of the central one (after Zhang 2019, https://arxiv.org/abs/1904.11486). No pixel
is made up, as padding or wrapping would. Accuracy is that of the whole image.
"""

import numpy as np
import torch
from torch import Tensor

from bench.support.options import Options
from bench.support.record import append
from bench.support.vipf import CONTROL, DRAWS, KEEPING, SETTINGS, variant
from bench.tables.vipf_ladder import switches
from handful.core.dataset import Dataset
from handful.data import splits
from handful.data.in_memory import load_tensors
from handful.models.classifier import Classifier

MARGIN = 4
NETWORKS = {
    "ResNeXt": switches("ResNeXt"),
    "ResNeXt, anti-aliased": (*switches("ResNeXt"), "backbone.anti_alias=true"),
    "SK-ResNeXt": switches("SK-ResNeXt, not anti-aliased"),
    "SK-ResNeXt, anti-aliased": switches("SK-ResNeXt"),
}


def run(options: Options) -> None:
    """Each network on CIFAR-100's ten classes."""
    torch.set_num_threads(1)
    setting = SETTINGS[0]
    data = setting.load(options.folder())
    test = splits.scored_split(data, "test")
    shifts = "".join(f"{f'by {s}':>8}" for s in range(1, MARGIN + 1))
    print(f"{'percent of predictions unchanged':<34}{'draw':>5}{shifts}{'accuracy':>10}")
    for draw in range(1 if options.quick else min(options.draws, DRAWS)):
        chosen, _ = splits.draw(splits.training_split(data), 50, draw)
        for name, overrides in NETWORKS.items():
            recipe = variant(CONTROL, name, setting, options, *overrides)
            classifier = KEEPING(recipe, chosen, seed=draw, device="cpu", progress=False)
            same = consistency(classifier, test)
            accuracy = float((classifier.probabilities(test).argmax(axis=1) == test.labels).mean())
            append(
                "vipf-shift", {"network": name, "draw": draw, "same": same, "accuracy": accuracy}, quick=options.quick
            )
            print(f"{name:<34}{draw:>5}" + "".join(f"{100 * s:>8.1f}" for s in same) + f"{100 * accuracy:>10.1f}")


@torch.inference_mode()
def consistency(classifier: Classifier, test: Dataset) -> list[float]:
    """The share of unchanged predictions for shifts by 1, 2, 3 and 4 pixels, each over four directions."""
    images = load_tensors(test, size=classifier.size, masks=False).images.float() / 255
    centre = _classes(classifier, images, 0, 0)
    found = []
    for s in range(1, MARGIN + 1):
        moved = [_classes(classifier, images, dy, dx) for dy, dx in ((-s, 0), (s, 0), (0, -s), (0, s))]
        found.append(float(np.mean([(m == centre).float().mean().item() for m in moved])))
    return found


def _classes(classifier: Classifier, images: Tensor, dy: int, dx: int) -> Tensor:
    h, w = images.shape[-2] - 2 * MARGIN, images.shape[-1] - 2 * MARGIN
    top, left = MARGIN + dy, MARGIN + dx
    window = images[..., top : top + h, left : left + w]
    parts = torch.tensor_split(window, tuple(range(250, len(window), 250)))
    return torch.cat([classifier.network(part).logits.argmax(dim=1) for part in parts])
