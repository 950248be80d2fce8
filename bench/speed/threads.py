"""Two trainings in parallel with one thread each against one with two threads; speed-up of `torch.compile`."""

import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import torch

from bench.support.jobs import CPU, build, images, recipe
from bench.support.measure import ratio, report, take_turns
from bench.support.options import Options
from handful.core.recipe import Recipe
from handful.data.in_memory import load_tensors
from handful.models.device import autocast

# Warm up, say so, wait for the word, train, tell the seconds.
CHILD = """
import sys, time, torch
from bench.speed.threads import job, stepper
torch.set_num_threads(int(sys.argv[1]))
step = stepper(job(), compiled=False)
for _ in range(5): step()
print("ready", flush=True); sys.stdin.readline()
for _ in range(int(sys.argv[2])): step()
"""


def job() -> Recipe:
    """WRN-16-2 with a segmentation head at 28 x 28, 20 images a step: the MNIST table."""
    return recipe(head="segmentation", depth=16, width=2, batch=20, steps=1, precision="auto")


def stepper(wish: Recipe, *, compiled: bool) -> Callable[[], None]:
    """One optimizer step on a fixed batch, to be called again and again."""
    data = images(per_class=2, side=28)
    _, network = build(wish, data)
    network = network.to(memory_format=network.layout).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    batch = load_tensors(data, size=(28, 28)).batch(torch.arange(wish.batch_size), len(data.classes))
    forward = torch.compile(network) if compiled else network

    def step() -> None:
        with autocast(wish.precision, CPU):
            output = forward(batch.images)
        assert output.pixels is not None
        loss = torch.nn.functional.cross_entropy(output.pixels, batch.pixel_labels)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def seconds_per_step(processes: int, threads: int, steps: int) -> float:
    """Seconds on the clock per step of all processes together."""
    command = (sys.executable, "-c", CHILD, str(threads), str(steps))
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    start = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        assert child.wait() == 0
    return (time.perf_counter() - start) / (steps * processes)


def run(options: Options) -> None:
    """Seconds on the clock per step for the processes; processor seconds on one thread for the compiler."""
    steps, repeats = (3, 1) if options.quick else (60, 4)
    arms = {
        "two of one thread": partial(seconds_per_step, 2, 1, steps),
        "one of two threads": partial(seconds_per_step, 1, 2, steps),
        "one of one thread": partial(seconds_per_step, 1, 1, steps),
    }
    costs = take_turns(arms, repeats=repeats)
    ratios = {
        "one process of two threads / two of one": ratio(costs, "one of two threads", "two of one thread"),
        "one process of one thread / two of one": ratio(costs, "one of one thread", "two of one thread"),
    }
    report("threads: WRN-16-2 segmentation", ratios, costs, quick=options.quick, side=28, batch=20, clock="wall")
    if not options.quick:
        compiler()


def compiler() -> None:
    """`torch.compile` of the same step; skipped with a word where it cannot run."""
    torch.set_num_threads(1)
    plain, fast = stepper(job(), compiled=False), stepper(job(), compiled=True)
    start = time.perf_counter()
    try:
        fast()
    except Exception as error:  # it needs a C++ compiler, and fails in many ways without
        print(f"\ncompile: skipped, {type(error).__name__}: {str(error).splitlines()[0]}")
        return
    waited = time.perf_counter() - start

    def ten(step: Callable[[], None]) -> float:
        begin = time.process_time()
        for _ in range(10):
            step()
        return time.process_time() - begin

    costs = take_turns({"plain": partial(ten, plain), "compiled": partial(ten, fast)}, repeats=7)
    report(
        "compile: WRN-16-2 segmentation",
        {"plain step / compiled step": ratio(costs, "plain", "compiled")},
        costs,
        quick=False,
        compile_seconds=round(waited, 1),
        threads=1,
        clock="processor",
    )
