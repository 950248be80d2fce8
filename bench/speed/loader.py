"""`handful.train` against a DataLoader loop with worker processes and per-image transforms."""

import gc
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.transforms import v2

from bench.support.jobs import CROP_FLIP, bare_loop, build, images, recipe, wall_seconds
from bench.support.measure import Times, ratio, report, take_turns
from bench.support.options import Options
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.training.schedule import learning_rate
from handful.training.train import train

WORKERS = 2


class Pictures(TorchDataset[tuple[Tensor, int]]):
    """Images in memory, opened and transformed one by one, as torchvision's CIFAR10 does."""

    def __init__(self, data: Dataset) -> None:
        self.pixels = [np.ascontiguousarray(np.asarray(s.image).transpose(1, 2, 0)) for s in data.samples]
        self.labels = data.labels.tolist()
        self.change = v2.Compose(
            [
                v2.RandomCrop(32, padding=4),
                v2.RandomHorizontalFlip(),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.change(Pillow.fromarray(self.pixels[i])), self.labels[i]


def notebook_loop(wish: Recipe, data: Dataset, *, persistent: bool) -> None:
    """Epochs over a DataLoader, channels first, float32; the network, optimizer and steps of `wish`."""
    _, network = build(wish, data)
    network.layout = torch.contiguous_format
    stage = wish.stages[0]
    sgd, steps = stage.optimizer, stage.steps or 0
    optimizer = torch.optim.SGD(network.parameters(), lr=sgd.lr, momentum=sgd.momentum, weight_decay=sgd.weight_decay)
    loader = DataLoader(
        Pictures(data), batch_size=wish.batch_size, shuffle=True, num_workers=WORKERS, persistent_workers=persistent
    )
    network.train()
    step = 0
    while step < steps:
        for pixels, labels in loader:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(stage.schedule, sgd.lr, step / steps)
            loss = F.cross_entropy(network(pixels).logits, labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1


PAIRS = {
    "notebook loop / handful, both float32": ("notebook", "handful_fp32"),
    "same, workers kept over epochs": ("persistent", "handful_fp32"),
    "notebook loop float32 / handful bf16": ("notebook", "handful_bf16"),
    "same, workers kept over epochs, / handful bf16": ("persistent", "handful_bf16"),
    "  part: data path (images held, augmented as batches)": ("notebook", "held"),
    "  part: data path, workers kept over epochs": ("persistent", "held"),
    "  part: channels-last, float32": ("held", "channels_last"),
    "  part: bf16 instead of float32": ("channels_last", "bf16"),
    "  part: train() instead of a bare loop, float32": ("channels_last", "handful_fp32"),
}


def run(options: Options) -> None:
    """Some epochs of 500 images of 32 x 32: seconds on the clock, and processor seconds with those of the workers.

    The training process has one thread, so the second core is the workers' alone: that favours them. On a busy
    machine only the processor seconds mean something, and they grant the workers no overlap.
    """
    torch.set_num_threads(1)
    data = images(per_class=50, side=32)
    for depth, width in ((10, 1), (16, 1)):
        epochs, repeats = (1, 1) if options.quick else (3, 5)
        make = partial(recipe, head="linear", depth=depth, width=width, batch=32, steps=16 * epochs, augment=CROP_FLIP)
        plain, low = make(precision="fp32"), make(precision="bf16")
        works: dict[str, Callable[[], object]] = {
            "notebook": partial(notebook_loop, plain, data, persistent=False),
            "persistent": partial(notebook_loop, plain, data, persistent=True),
            "held": partial(bare_loop, plain, data, channels_last=False),
            "channels_last": partial(bare_loop, plain, data),
            "bf16": partial(bare_loop, low, data),
            "handful_fp32": partial(train, plain, data, device="cpu", progress=False),
            "handful_bf16": partial(train, low, data, device="cpu", progress=False),
        }
        processor: Times = {name: [] for name in works}
        clock = take_turns({n: partial(_both, w, processor[n]) for n, w in works.items()}, repeats=repeats)
        processor = {name: values[1:] for name, values in processor.items()}  # the first round only warms up
        for name, costs in (("processor", processor), ("wall", clock)):
            report(
                f"loader: WRN-{depth}-{width}",
                {what: ratio(costs, *pair) for what, pair in PAIRS.items()},
                costs,
                quick=options.quick,
                gflop=round(gflop(plain, data), 3),
                images=len(data),
                side=32,
                batch=32,
                epochs=epochs,
                workers=WORKERS,
                threads=1,
                clock=name,
            )


def _both(work: Callable[[], object], processor: list[float]) -> float:
    """Seconds on the clock; adds those of the processor, ended workers included, to `processor`."""
    before = sum(os.times()[:4])
    wall = wall_seconds(work)
    gc.collect()  # ends the workers, whose time counts only then
    processor.append(sum(os.times()[:4]) - before)
    return wall


def gflop(wish: Recipe, data: Dataset) -> float:
    """1e9 multiplications and additions of one image's way forward."""
    _, network = build(replace(wish, precision="fp32"), data)
    network.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 3, 32, 32))
    return float(counter.get_total_flops()) / 1e9
