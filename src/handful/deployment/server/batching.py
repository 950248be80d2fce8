"""Micro-batching: images of simultaneous requests go through the network in one forward pass."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from handful.deployment.server.limits import Limits
from handful.deployment.server.metrics import Metrics
from handful.models.onnx_model import OnnxModel

Outputs = dict[str, np.ndarray]  # the model's outputs for one image, by name


class _QueuedImage(NamedTuple):
    image: UInt8[np.ndarray, "3 _ _"]
    result: "asyncio.Future[Outputs]"


class Batcher:
    """Collects images from many requests and runs the model on them in one thread.

    The middleware bounds the number of requests, and with it the length of the queue.
    """

    def __init__(self, model: OnnxModel, limits: Limits, metrics: Metrics) -> None:
        self.model, self.limits, self.metrics = model, limits, metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start in the running event loop; possible again after `close`."""
        self._queue: asyncio.Queue[_QueuedImage | None] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Predict the images in the queue, then stop."""
        self._queue.put_nowait(None)
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def predict(self, image: UInt8[np.ndarray, "3 _ _"]) -> Outputs:
        """The model's outputs for an image."""
        result: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_QueuedImage(image, result))
        return await result

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        running = True
        while running:
            first = await self._queue.get()
            if first is None:
                return
            batch, running = await self._collect(first)
            batch = [queued for queued in batch if not queued.result.done()]  # drops cancelled requests
            if not batch:
                continue
            try:
                outputs = await loop.run_in_executor(self._thread, self.model.ask, [q.image for q in batch])
            except Exception as error:  # a bug must not end the loop
                for queued in batch:
                    if not queued.result.done():
                        queued.result.set_exception(error)
                continue
            self._set_results(batch, outputs)

    async def _collect(self, first: _QueuedImage) -> tuple[list[_QueuedImage], bool]:
        """A batch of queued images, after a short wait for other requests; and whether to continue after it."""
        batch = [first]
        deadline = asyncio.get_running_loop().time() + (self.limits.gather if self.metrics.waiting > 1 else 0.0)
        while len(batch) < self.limits.together:
            remaining = deadline - asyncio.get_running_loop().time()
            try:
                if remaining <= 0:
                    queued = self._queue.get_nowait()
                else:
                    queued = await asyncio.wait_for(self._queue.get(), remaining)
            except (TimeoutError, asyncio.QueueEmpty):
                break
            if queued is None:
                return batch, False
            batch.append(queued)
        return batch, True

    def _set_results(self, batch: Sequence[_QueuedImage], outputs: Outputs) -> None:
        self.metrics.batches += 1
        self.metrics.images += len(batch)
        for i, queued in enumerate(batch):
            if not queued.result.done():
                queued.result.set_result({name: value[i] for name, value in outputs.items()})
