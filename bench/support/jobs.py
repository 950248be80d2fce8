"""The training jobs that the speed tables time: a recipe, random images of its shape, and bare loops over both."""

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from handful.core.context import Context, Task
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.tensors import Batch
from handful.data.arrays import from_arrays
from handful.data.in_memory import ImageTensors, load_tensors
from handful.models.device import autocast
from handful.models.network import Network
from handful.parts import registry
from handful.parts.losses import cross_entropy, pixel_cross_entropy
from handful.recipes.load import from_toml
from handful.training.schedule import batch_sizes, epoch_order, learning_rate

CPU = torch.device("cpu")
WARP = '{ name = "affine", degrees = 15.0, translate = 0.1, scale = [0.9, 1.1] }'
CROP_FLIP = '{ name = "crop", padding = 0.125 }, { name = "flip" }'
LOSSES = {"linear": "cross_entropy", "segmentation": "pixel_cross_entropy"}


def recipe(*, head: str, depth: int, width: int, batch: int, steps: int, precision: str, augment: str = WARP) -> Recipe:
    """A wide residual network with SGD and a cosine schedule."""
    text = f"""
batch_size = {batch}
precision = "{precision}"
augment = [{augment}]
backbone = {{ name = "wide_resnet", depth = {depth}, width = {width}, dropout = 0.0 }}
head = {{ name = "{head}" }}
stages = [{{ steps = {steps}, losses = [{{ name = "{LOSSES[head]}" }}] }}]
"""
    return from_toml(text, where=f"WRN-{depth}-{width}")


def images(*, per_class: int, side: int, classes: int = 10, seed: int = 0) -> Dataset:
    """Random images with a square mask each: what they show does not matter for time."""
    rng = np.random.default_rng(seed)
    n = per_class * classes
    masks = np.zeros((n, side, side), dtype=bool)
    masks[:, side // 4 : -side // 4, side // 4 : -side // 4] = True
    pixels = rng.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    return from_arrays(pixels, np.arange(n) % classes, masks=masks)


def build(requested: Recipe, data: Dataset) -> tuple[Context, Network]:
    """The untrained network of a recipe, with what its parts may know."""
    task = Task(data.classes, data.counts)
    torch.manual_seed(0)
    context = registry.make_context(requested, task)
    return context, registry.build_network(requested, context)


def bare_loop(requested: Recipe, data: Dataset, *, channels_last: bool | None = None) -> float:
    """Train as a page of plain PyTorch would; gives the last loss. `channels_last` None: as `train` does.

    The same network, images in memory, augmentation functions, order, schedule and precision as
    `handful.train`; no checks, no progress, no accelerate, no seeds per step, no checkpoint.
    """
    context, network = build(requested, data)
    if channels_last is not None:
        network.layout = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=network.layout)
    tensors = load_tensors(data, size=data_size(data))
    stage = requested.stages[0]
    loss_of = {"cross_entropy": cross_entropy, "pixel_cross_entropy": pixel_cross_entropy}[stage.losses[0].name]
    loss_part = loss_of.build(context)
    changes = [registry.build("augment", part, context) for part in requested.augment]
    generator = torch.Generator().manual_seed(0)
    sgd = stage.optimizer
    optimizer = torch.optim.SGD(network.parameters(), lr=sgd.lr, momentum=sgd.momentum, weight_decay=sgd.weight_decay)
    network.train()
    loss = torch.zeros(())
    for step, index in enumerate(order(tensors, requested)):
        batch: Batch = tensors.batch(index, len(data.classes))
        for change in changes:
            batch = change(batch, generator)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(stage.schedule, sgd.lr, step / (stage.steps or 1))
        with autocast(requested.precision, CPU):
            output = network(batch.images)
        loss = loss_part(output, batch).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return float(loss.detach())


def order(tensors: ImageTensors, requested: Recipe) -> Iterator[Tensor]:
    """The index of each step's batch."""
    sizes = batch_sizes(len(tensors), requested.batch_size)
    steps = requested.stages[0].steps or 0
    for step in range(steps):
        epoch, at = divmod(step, len(sizes))
        start = sum(sizes[:at])
        index = epoch_order(0, 0, epoch, len(tensors), len(tensors))
        yield torch.from_numpy(index[start : start + sizes[at]])


def data_size(data: Dataset) -> tuple[int, int]:
    """Height and width of images in memory."""
    first = data.samples[0].image
    assert isinstance(first, np.ndarray)
    return first.shape[1], first.shape[2]


def cpu_seconds(work: object) -> float:
    """Processor seconds of this process that calling `work` takes: what others run meanwhile is not counted."""
    assert callable(work)
    start = time.process_time()
    work()
    return time.process_time() - start


def wall_seconds(work: object) -> float:
    """Seconds on the clock that calling `work` takes."""
    assert callable(work)
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
