"""The page's mask functions, run by Node where there is one, against NumPy."""

import json
import shutil
import subprocess
from importlib import resources
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from handful.annotation.files.mask_patch import pack, unpack
from handful.core.dataset import Mask

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="no Node here")
H, W = 23, 31


@pytest.fixture(scope="module")
def answers() -> dict[str, Any]:
    """What the module computes, all in one run of Node."""
    rng = np.random.default_rng(0)
    noise = rng.random((H, W)) < 0.55
    calls = {
        "lines": [[[*rng.uniform(-3, 34, 4)], float(rng.uniform(0.2, 7))] for _ in range(20)],
        "polygons": [rng.uniform(-4, 34, (int(n), 2)).tolist() for n in rng.integers(3, 9, 12)],
        "noise": noise.astype(int).ravel().tolist(),
        "seeds": [[int(rng.integers(W)), int(rng.integers(H))] for _ in range(6)],
        "bits": list(pack(noise)),
    }
    module = resources.files("handful.annotation").joinpath("page", "mask.js").read_text()
    script = f"""
        const m = await import("data:text/javascript," + encodeURIComponent({json.dumps(module)}));
        const c = {json.dumps(calls)}, W = {W}, H = {H}, all = {{x: 0, y: 0, w: W, h: H}};
        const run = (f) => {{
          const mask = new Uint8Array(W * H), rect = f(mask);
          return [Array.from(mask), rect];
        }};
        const noise = Uint8Array.from(c.noise);
        const floods = c.seeds.map(([x, y]) => {{
          const mask = noise.slice(), value = mask[y * W + x];
          const rect = m.flood(mask, W, H, x, y, (i) => mask[i] === value, 1 - value);
          return [Array.from(mask), rect];
        }});
        const placed = new Uint8Array(W * H);
        m.place(placed, W, all, Uint8Array.from(c.bits));
        console.log(JSON.stringify({{
          lines: c.lines.map(([[a, b, d, e], r]) => run((mask) => m.line(mask, W, H, [a, b], [d, e], r, 1))),
          polygons: c.polygons.map((points) => run((mask) => m.polygon(mask, W, H, points, 1))),
          floods, placed: Array.from(placed), bits: Array.from(m.pack(noise, W, all)),
          part: Array.from(m.pack(noise, W, {{x: 3, y: 4, w: 10, h: 7}})),
          difference: m.difference(noise, placed.map((v, i) => (i === 5 * W + 9 ? 1 - v : v)), W, all),
        }}));
    """
    done = subprocess.run(
        [str(NODE), "--input-type=module", "-e", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"calls": calls, "mask": noise}


def _mask(values: list[int]) -> Mask:
    return np.array(values, dtype=bool).reshape(H, W)


def _fits(rect: dict[str, int] | None, mask: Mask) -> bool:
    """Whether a rectangle is the smallest around a mask."""
    if rect is None:
        return not mask.any()
    rows, columns = np.nonzero(mask)
    box = [int(v) for v in (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)]
    return box == [rect["x"], rect["y"], rect["w"], rect["h"]]


def test_a_line_takes_the_pixels_near_it(answers: dict[str, Any]) -> None:
    y, x = np.mgrid[:H, :W] + 0.5
    drawn = 0
    for (values, rect), ((x0, y0, x1, y1), radius) in zip(answers["lines"], answers["calls"]["lines"], strict=True):
        along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / ((x1 - x0) ** 2 + (y1 - y0) ** 2), 0, 1)
        near = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) <= max(radius, 0.5)
        assert np.array_equal(_mask(values), near)
        assert _fits(rect, near)
        drawn += near.any()
    assert drawn > 10


def test_a_polygon_takes_the_pixels_inside(answers: dict[str, Any]) -> None:
    for (values, rect), points in zip(answers["polygons"], answers["calls"]["polygons"], strict=True):
        inside = np.zeros((H, W), dtype=bool)
        for row in range(H):
            for column in range(W):
                x, y = column + 0.5, row + 0.5
                edges = zip(points, points[1:] + points[:1], strict=True)
                crossed = [
                    a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) for a, b in edges if (a[1] <= y) != (b[1] <= y)
                ]
                inside[row, column] = sum(c <= x for c in crossed) % 2 == 1
        assert np.array_equal(_mask(values), inside)
        assert _fits(rect, inside)


def test_filling_takes_what_hangs_together(answers: dict[str, Any]) -> None:
    noise = answers["mask"]
    for (values, rect), (x, y) in zip(answers["floods"], answers["calls"]["seeds"], strict=True):
        labels, _ = ndimage.label(noise == noise[y, x])
        region = labels == labels[y, x]
        assert np.array_equal(_mask(values), np.where(region, ~noise, noise))
        assert _fits(rect, region)


def test_bits_are_the_servers(answers: dict[str, Any]) -> None:
    assert bytes(answers["bits"]) == pack(answers["mask"])
    assert np.array_equal(_mask(answers["placed"]), answers["mask"])
    part = unpack(bytes(answers["part"]), (3, 4, 10, 7), size=(H, W))
    assert np.array_equal(part.mask, answers["mask"][4:11, 3:13])
    assert answers["difference"] == {"x": 9, "y": 5, "w": 1, "h": 1}
