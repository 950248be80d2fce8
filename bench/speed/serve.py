"""`handful serve` against a bare onnxruntime loop: requests per second, latency, and behavior under saturation."""

import http.client
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.support.jobs import images, recipe
from bench.support.measure import Times, ratio, report, take_turns
from bench.support.options import Options
from handful.data.images import read_bytes
from handful.deployment.export.to_onnx import export_onnx
from handful.models.load_onnx import load_onnx
from handful.models.onnx_model import OnnxModel
from handful.training.train import train

CLIENTS, WAITING = 4, 8  # at once; and what the server takes on
BOUNDARY = "bench"


def run(options: Options) -> None:
    """JPEGs of 256 x 256 over the loopback; the bare loop decodes and predicts the same ones, one after the other."""
    number, repeats = (40, 1) if options.quick else (400, 5)
    bodies = [_jpeg(i) for i in range(20)]
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        wish = recipe(head="segmentation", depth=16, width=2, batch=20, steps=2, precision="fp32")
        export_onnx(train(wish, images(per_class=4, side=48), device="cpu", progress=False), graph)
        model = load_onnx(graph)
        waits: list[float] = []
        with serving(graph) as (port, process):
            arms = {
                "bare loop": partial(_bare, model, bodies, number),
                "server": partial(_load, port, bodies, number, CLIENTS, waits, Counter()),
            }
            costs = take_turns(arms, repeats=repeats)
            before = memory_of(process)
            statuses: Counter[int] = Counter()
            _load(port, bodies, 4 * number, 8 * WAITING, [], statuses)
            grown = memory_of(process) / before
        known = {"p50": float(np.percentile(waits, 50)), "p99": float(np.percentile(waits, 99))}
        shown: Times = {**costs, "p50": [known["p50"]], "p99": [known["p99"]]}
        report(
            "serve: JPEGs of 256 x 256, WRN-16-2 segmentation at 48 x 48",
            {"requests per second, server / bare loop": ratio(costs, "bare loop", "server")},
            shown,
            quick=options.quick,
            clients=CLIENTS,
            requests=number,
            per_second=round(number / float(np.median(costs["server"])), 1),
            p50_ms=round(1000 * known["p50"], 1),
            p99_ms=round(1000 * known["p99"], 1),
            saturated={str(status): n for status, n in sorted(statuses.items())},
            memory_after=round(grown, 3),
            clock="wall",
        )


def _jpeg(seed: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    file = BytesIO()
    Pillow.fromarray(pixels).resize((256, 256)).save(file, format="JPEG")
    return file.getvalue()


def _bare(model: OnnxModel, bodies: list[bytes], number: int) -> float:
    start = time.perf_counter()
    for i in range(number):
        model.run(read_bytes(bodies[i % len(bodies)], where="image")[None])
    return time.perf_counter() - start


def _load(
    port: int, bodies: list[bytes], number: int, clients: int, waits: list[float], statuses: Counter[int]
) -> float:
    """Seconds for `number` requests from so many clients, each with a connection that it keeps."""

    def client(first: int) -> None:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for i in range(first, number, clients):
            head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'.encode()
            body = head + bodies[i % len(bodies)] + f"\r\n--{BOUNDARY}--\r\n".encode()
            start = time.perf_counter()
            link.request("POST", "/predict", body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
            reply = link.getresponse()
            reply.read()
            waits.append(time.perf_counter() - start)
            statuses[reply.status] += 1
        link.close()

    threads = [threading.Thread(target=client, args=(i,)) for i in range(clients)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start


@contextmanager
def serving(graph: Path) -> Iterator[tuple[int, int]]:
    """Port and process of a server that is ready."""
    command = (sys.executable, "-m", "handful", "serve", str(graph), "--port=0", f"--waiting={WAITING}")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r":(\d+)/", process.stdout.readline())
            assert found is not None, "the server says where it is"
            port = int(found[1])
            for _ in range(300):
                if _ready(port):
                    break
                time.sleep(0.1)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(60)


def _ready(port: int) -> bool:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        link.request("GET", "/ready")
        return link.getresponse().status == 200
    except OSError:
        return False
    finally:
        link.close()


def memory_of(process: int) -> float:
    """Resident memory in MiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) / 1024
