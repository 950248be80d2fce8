"""Seeds of every format that handful reads, as bytes by name, and seeded damage of their bytes and their text."""

import io
import json
import random
import re
import tarfile
import zipfile

import numpy as np
import pandas as pd
from PIL import Image as Pillow

SIDE = 24
NUMBERS = (
    "-1",
    "0",
    "1e999",
    "NaN",
    "null",
    "[]",
    "{}",
    "1000000000",
    "1e300",
    '"x"',
    "[[[[[[1]]]]]]",
    "99999999999999999999",
)
RECIPE = """batch_size = 4
[backbone]
name = "wide_resnet"
depth = 10
[head]
name = "linear"
[[stages]]
steps = 3
losses = [{ name = "cross_entropy", smoothing = 0.1 }]
"""
PICTURES = {
    "png": ("PNG", "RGB", {}),
    "jpg": ("JPEG", "RGB", {}),
    "webp": ("WEBP", "RGB", {}),
    "bmp": ("BMP", "RGB", {}),
    "gif": ("GIF", "P", {}),
    "jp2": ("JPEG2000", "RGB", {}),
    "ppm": ("PPM", "RGB", {}),
    "tif": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "deep.tif": ("TIFF", "I;16", {}),
    "float.tif": ("TIFF", "F", {}),
}


def picture(kind: str, seed: int) -> bytes:
    """An image file of random pixels."""
    name, mode, options = PICTURES[kind]
    rng = np.random.default_rng(seed)
    if mode == "I;16":
        image = Pillow.fromarray(rng.integers(0, 4096, (SIDE, SIDE)).astype(np.uint16))
    elif mode == "F":
        image = Pillow.fromarray(rng.random((SIDE, SIDE)).astype(np.float32))
    else:
        image = Pillow.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, format=name, **options)
    return file.getvalue()


def seeds() -> dict[str, bytes]:
    """One intact file of each format: annotations are of the images a/0.png and b/1.png."""
    files = {kind: picture(kind, 0) for kind in PICTURES}
    outline = [[2, 2], [20, 2], [20, 20], [2, 20]]
    coco = {
        "images": [
            {"id": i, "file_name": n, "height": SIDE, "width": SIDE} for i, n in enumerate(("a/0.png", "b/1.png"))
        ],
        "annotations": [
            {"id": 1, "image_id": 0, "segmentation": [[2, 2, 20, 2, 20, 20, 2, 20]]},
            {"id": 2, "image_id": 1, "segmentation": {"size": [SIDE, SIDE], "counts": [100, 100, SIDE * SIDE - 200]}},
        ],
        "categories": [],
    }
    labelme = {"imageHeight": SIDE, "imageWidth": SIDE, "imagePath": "0.png"}
    labelme["shapes"] = [{"label": "x", "shape_type": "polygon", "points": outline}]
    region = {"type": "polygonlabels", "original_height": SIDE, "original_width": SIDE, "value": {"points": outline}}
    studio = [{"id": 1, "data": {"image": "a/0.png"}, "annotations": [{"result": [region]}]}]
    table = pd.DataFrame({"path": ["a/0.png", "b/1.png"], "label": ["x", "y"]})
    arrays, parquet, tape, packed = (io.BytesIO() for _ in range(4))
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)
    np.savez_compressed(arrays, images=pixels, labels=np.array([0, 1, 0, 1]))
    table.to_parquet(parquet)
    with zipfile.ZipFile(packed, "w") as archive, tarfile.open(fileobj=tape, mode="w") as tar:
        for name in ("a/0.png", "b/1.png"):
            archive.writestr(name, files["png"])
            member = tarfile.TarInfo(name)
            member.size = len(files["png"])
            tar.addfile(member, io.BytesIO(files["png"]))
    files |= {
        "coco.json": json.dumps(coco).encode(),
        "labelme.json": json.dumps(labelme).encode(),
        "studio.json": json.dumps(studio).encode(),
        "npz": arrays.getvalue(),
        "csv": table.to_csv(index=False).encode(),
        "tsv": table.to_csv(index=False, sep="\t").encode(),
        "parquet": parquet.getvalue(),
        "zip": packed.getvalue(),
        "tar": tape.getvalue(),
        "recipe.toml": RECIPE.encode(),
        "card.json": json.dumps({"seconds": 1.5, "steps": 3, "images_per_class": {"a": 1}, "data": {}}).encode(),
        "onnx": b"\x08\x08\x3a\x10\x0a\x0c\x0a\x01x\x12\x01y\x22\x04Abs\x00\x12\x00\x42\x04\x0a\x00\x10\x12",
    }
    return files


def damage(content: bytes, chance: random.Random, *, text: bool) -> bytes:
    """The content with bytes flipped, cut off, put in or doubled; of text also with numbers and values replaced."""
    way = chance.choice(("flip", "cut", "insert", "double", "extreme") + (("value",) * 4 if text else ()))
    data, at = bytearray(content), chance.randrange(max(1, len(content)))
    if way == "value":
        places = [m.span() for m in re.finditer(rb'-?\d+(?:\.\d+)?|"[^"]*"', content)]
        start, end = chance.choice(places) if places else (0, 0)
        return content[:start] + chance.choice(NUMBERS).encode() + content[end:]
    if way == "flip":
        for _ in range(chance.choice((1, 3, 20))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif way == "cut":
        del data[at:]
    elif way == "insert":
        data[at:at] = chance.randbytes(chance.randrange(1, 100))
    elif way == "double":
        data[at:at] = data[at : at + chance.randrange(1, 200)] * chance.randrange(1, 20)
    else:
        data[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x00\x00\x00\x00", b"\x7f\xff\xff\xff"))
    return bytes(data)
