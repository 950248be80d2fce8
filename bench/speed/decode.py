"""Peak memory of decoding one large image with handful, over Pillow's own decoding of the same file."""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from bench.speed.memory import PEAK
from bench.support.measure import Ratio, Times, ratio, report, take_turns
from bench.support.options import Options

HANDFUL = "from pathlib import Path; from handful.data.images import read_image; read_image(Path(sys.argv[1]))"
PILLOW = "from PIL import Image; Image.MAX_IMAGE_PIXELS = None; import numpy; Image.open(sys.argv[1]).load()"
FILES: dict[str, dict[str, object]] = {
    "rgb.jpg": {"mode": "RGB"},
    "progressive.jpg": {"mode": "RGB", "progressive": True, "subsampling": 0},
    "cmyk.jpg": {"mode": "CMYK"},
    "rgb.png": {"mode": "RGB", "compress_level": 1},
    "alpha.png": {"mode": "RGBA", "compress_level": 1},
    "deep.png": {"mode": "I;16", "compress_level": 1},
}


def run(options: Options) -> None:
    """MiB, of a new process each time; images of 100 megapixels (quick: 4) that are made on the spot."""
    side = 2_000 if options.quick else 10_000
    noise = np.random.default_rng(0).integers(0, 256, (250, 250, 3), dtype=np.uint8)
    Pillow.MAX_IMAGE_PIXELS = None
    large = Pillow.fromarray(noise).resize((side, side))
    with tempfile.TemporaryDirectory() as name:
        ratios: dict[str, Ratio] = {}
        costs: Times = {}
        for file, given in FILES.items():
            path, mode = Path(name) / file, str(given["mode"])
            converted = large.convert("L").convert("I;16") if mode == "I;16" else large.convert(mode)
            converted.save(path, **{k: v for k, v in given.items() if k != "mode"})  # type: ignore[arg-type]
            arms = {f"{file}, handful": partial(_peak, HANDFUL, path), f"{file}, Pillow": partial(_peak, PILLOW, path)}
            each = take_turns(arms, repeats=1 if options.quick else 3, warm=False)
            ratios[f"peak for {file}, handful / Pillow"] = ratio(each, *arms)
            costs |= each
            path.unlink()
    report("decode", ratios, costs, quick=options.quick, unit="MiB")


def _peak(code: str, path: Path) -> float:
    """MiB at most of a process that decodes an image."""
    done = subprocess.run([sys.executable, "-c", PEAK + code, str(path)], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])
