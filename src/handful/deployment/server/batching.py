"""Micro-batching: images that wait at the same time go through the network together."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from handful.deployment.server.limits import Limits
from handful.deployment.server.metrics import Metrics
from handful.models.onnx_model import OnnxModel

Said = dict[str, np.ndarray]  # of one image, by the outputs' names


class _Waiting(NamedTuple):
    image: UInt8[np.ndarray, "3 _ _"]
    answer: "asyncio.Future[Said]"


class Batcher:
    """Takes images from many requests; one thread asks the model. Requests are counted and bounded by the gate."""

    def __init__(self, model: OnnxModel, limits: Limits, metrics: Metrics) -> None:
        self.model, self.limits, self.metrics = model, limits, metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the running loop; after `close` once more."""
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="network")
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Finish what was taken on, then end."""
        self._queue.put_nowait(None)
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def ask(self, image: UInt8[np.ndarray, "3 _ _"]) -> Said:
        """What the model says of an image."""
        answer: asyncio.Future[Said] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Waiting(image, answer))
        return await answer

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        more = True
        while more:
            first = await self._queue.get()
            if first is None:
                return
            waiting, more = await self._gather(first)
            waiting = [one for one in waiting if not one.answer.done()]  # who gave up is not computed for
            if not waiting:
                continue
            try:
                said = await loop.run_in_executor(self._thread, self.model.ask, [one.image for one in waiting])
            except Exception as error:  # a fault of ours must not end the loop
                for one in waiting:
                    if not one.answer.done():
                        one.answer.set_exception(error)
                continue
            self._give(waiting, said)

    async def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """As many as go together, waiting a moment for those of other requests; and whether to go on after them."""
        found = [first]
        end = asyncio.get_running_loop().time() + (self.limits.gather if self.metrics.waiting > 1 else 0.0)
        while len(found) < self.limits.together:
            left = end - asyncio.get_running_loop().time()
            try:
                one = self._queue.get_nowait() if left <= 0 else await asyncio.wait_for(self._queue.get(), left)
            except (TimeoutError, asyncio.QueueEmpty):
                break
            if one is None:
                return found, False
            found.append(one)
        return found, True

    def _give(self, waiting: Sequence[_Waiting], said: Said) -> None:
        self.metrics.batches += 1
        self.metrics.images += len(waiting)
        for i, one in enumerate(waiting):
            if not one.answer.done():
                one.answer.set_result({name: value[i] for name, value in said.items()})
