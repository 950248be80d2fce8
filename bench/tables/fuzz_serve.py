"""Fuzzing of `handful serve` with 10,000 damaged uploads: no crash, no status 500, no growth in memory.

Pictures of five formats with bytes flipped, cut off or put in; headers that promise more pixels than there are;
compressed bombs; noise; multipart bodies that end early or name other fields; other paths and methods. A good picture
follows every hundredth, and must be answered as it was at first. Memory is compared with that after the first thousand.
"""

import http.client
import random
import struct
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.speed.serve import BOUNDARY, memory_of, serving
from bench.support.jobs import images, recipe
from bench.support.options import Options
from bench.support.record import append
from handful.deployment.export.to_onnx import export_onnx
from handful.training.train import train

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
TRIALS = 10_000
PATHS = ("/predict", "/predict/batch", "/model", "/../model", "/predict/../../etc/passwd", "/%00", "/metrics/x", "//")

Request = tuple[str, str, bytes, dict[str, str]]  # method, path, body, headers


def run(options: Options) -> None:
    """Send, and count the answers."""
    trials = 300 if options.quick else TRIALS
    chance = random.Random(0)
    pictures = [_picture(kind, seed) for seed in range(4) for kind in FORMATS]
    kinds: dict[str, Callable[[random.Random], Request]] = {
        "bytes flipped": lambda r: _upload(_flipped(r, r.choice(pictures)), r),
        "cut off": lambda r: _upload(_cut(r, r.choice(pictures)), r),
        "bytes put in": lambda r: _upload(_longer(r, r.choice(pictures)), r),
        "size forged": lambda r: _upload(_forged(r), r),
        "bomb": lambda r: _upload(_bomb(r.choice((2_000, 9_000, 30_000))), r),
        "noise": lambda r: _upload(r.randbytes(r.randrange(2_000)), r),
        "multipart spoilt": lambda r: _spoilt(_upload(r.choice(pictures), r), r),
        "other requests": _other,
    }
    found: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "model.onnx"
        wish = recipe(head="segmentation", depth=10, width=1, batch=20, steps=2, precision="fp32")
        export_onnx(train(wish, images(per_class=4, side=48), device="cpu", progress=False), graph)
        with serving(graph) as (port, process):
            good = _upload(pictures[0], chance)
            wanted, after_first = _send(port, good), 0.0
            wrong = 0
            for i in range(trials):
                kind = chance.choice(tuple(kinds))
                status, _ = _send(port, kinds[kind](chance))
                found[kind][status] += 1
                if i % 100 == 0:
                    wrong += _send(port, good) != wanted
                    print(f"\r{i} of {trials}", end="", file=sys.stderr, flush=True)
                if i == trials // 10:
                    after_first = memory_of(process)
            grown = memory_of(process) / after_first
    print("", file=sys.stderr)
    total: Counter[str] = sum(found.values(), Counter())
    for kind, counts in found.items():
        print(f"{kind:<20} " + "  ".join(f"{status}: {n:,}" for status, n in sorted(counts.items())))
    failed = sum(n for status, n in total.items() if status.startswith("5"))
    print(f"answers of 500 and above: {failed}")
    print(f"good pictures answered otherwise: {wrong}; memory after the last / after the first tenth: {grown:.3f}")
    facts = {
        "trials": trials,
        "answers_of_500": failed,
        "good_answered_otherwise": wrong,
        "memory_grown": round(grown, 4),
    }
    statuses = {kind: dict(sorted(counts.items())) for kind, counts in found.items()}
    append("fuzz-serve", {**facts, "statuses": statuses}, quick=options.quick)


def _send(port: int, request: Request) -> tuple[str, bytes]:
    """Status and body; "closed" where the server hung up, which it may on a request that is none."""
    method, path, body, headers = request
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request(method, path, body, headers)
        reply = link.getresponse()
        return str(reply.status), reply.read()
    except (ConnectionError, http.client.HTTPException):
        return "closed", b""
    finally:
        link.close()


def _picture(kind: str, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    mode = ("RGB", "L", "P", "RGBA")[seed % 4] if kind in ("PNG", "TIFF") else "RGB"
    picture = Pillow.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)).convert(mode)
    file = BytesIO()
    picture.save(file, format=kind)
    return file.getvalue()


def _upload(content: bytes, r: random.Random) -> Request:
    field, path = ("image", "/predict") if r.random() < 0.7 else ("images", "/predict/batch")
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{field}"; filename="a"\r\n\r\n'.encode()
    body = head + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    path += "?map=true" if r.random() < 0.3 else ""
    return "POST", path, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def _flipped(r: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(r.choice((1, 1, 3, 20))):
        data[r.randrange(len(data))] ^= 1 << r.randrange(8)
    return bytes(data)


def _cut(r: random.Random, content: bytes) -> bytes:
    return content[: r.randrange(len(content))]


def _longer(r: random.Random, content: bytes) -> bytes:
    at = r.randrange(len(content))
    return content[:at] + r.randbytes(r.randrange(1, 200)) + content[at:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, data: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def _forged(r: random.Random) -> bytes:
    width, height = (r.choice((0, 1, 40, 65_535, 2**31 - 1)) for _ in range(2))
    return _png(width, height, zlib.compress(bytes(1_000)))


def _bomb(side: int) -> bytes:
    packer = zlib.compressobj(9)
    line = bytes(side + 1)
    data = b"".join(packer.compress(line) for _ in range(min(side, 4_000))) + packer.flush()
    return _png(side, side, data)


def _spoilt(request: Request, r: random.Random) -> Request:
    method, path, body, headers = request
    way = r.randrange(5)
    if way == 0:
        body = body[: r.randrange(len(body))]
    elif way == 1:
        body = body.replace(b'name="image', b'name="' + r.randbytes(3).hex().encode(), 1)
    elif way == 2:
        headers = {"Content-Type": r.choice(("application/json", "multipart/form-data", "text/plain", ""))}
    elif way == 3:
        headers = {**headers, "Content-Length": r.choice(("-1", "1e9", "0", str(10**12), "x"))}
    else:
        body = body.replace(b"\r\n\r\n", b"\r\n" + b"X-A: " + b"a" * r.choice((10, 100_000)) + b"\r\n\r\n", 1)
    return method, path, body, headers


def _other(r: random.Random) -> Request:
    method = r.choice(("GET", "PUT", "DELETE", "HEAD", "OPTIONS", "POST", "PATCH"))
    return method, r.choice(PATHS) + r.choice(("", "?map=perhaps", "?" + "a" * 5_000)), r.randbytes(10), {}
