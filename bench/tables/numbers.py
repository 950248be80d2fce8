"""Numbers: the angle of turned digits and the area of white blood cells, from frozen features, against the median.

Digits of MNIST are turned by an angle of -60 to 60 degrees, training and test digits apart; the number is the angle. A
cell's number is the share of its picture that its mask covers, in percent; the mask is the label, and no recipe sees
it. `ridge` and `knn` read the frozen features of the embedded network at 96 pixels. Five draws of 5 and 20 images from
each fifth of the range; cells have no test part, and what a draw leaves is scored. Nothing was chosen on these draws.
"""

from dataclasses import asdict, replace

import numpy as np
from PIL import Image

from bench.support.data import cells, mnist
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset, Sample, Split
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.numbers import summarise_numbers
from handful.recipes.load import load_recipe

TABLE = "numbers"
POOL, TEST, MOST = 600, 400, 60.0
SPLITS: tuple[tuple[Split, int], ...] = (("train", POOL), ("test", TEST))
PER_FIFTH = (5, 20)
RECIPES = ("ridge", "knn")


def run(options: Options) -> None:
    """Both sets, both recipes, at each number of images."""
    sets = {"turned digits": turned(mnist(options.folder())), "cell areas": areas(cells(options.folder()))}
    draws = (100,) if options.quick else tuple(range(options.draws))
    for name, data in sets.items():
        for per_fifth in PER_FIFTH[:1] if options.quick else PER_FIFTH:
            for recipe_name in RECIPES:
                recipe = load_recipe(recipe_name, overrides=("image_size=[96,96]",))
                result = evaluate(recipe, data, protocol=Protocol(draws, per_fifth), device="cpu", progress=False)
                minutes = sum(r.seconds for r in result.runs) / 60
                for row in summarise_numbers(result):
                    line = {"set": name, "recipe": recipe_name, "per_fifth": per_fifth, **asdict(row)}
                    append(TABLE, line | {"minutes": minutes}, quick=options.quick)
                    interval = f"{row.low:.3g} to {row.high:.3g}"
                    print(
                        f"{name}, {recipe_name}, {per_fifth} per fifth, {row.metric}: {row.mean:.3g} ({interval}), "
                        f"worst {row.worst:.3g} (draw {row.worst_draw})",
                        flush=True,
                    )


def turned(data: Dataset) -> Dataset:
    """Digits of each split, turned by a random angle."""
    rng = np.random.default_rng(0)
    samples = []
    for split, n in SPLITS:
        part = data.split(split)
        for i in rng.permutation(len(part))[:n]:
            angle = float(rng.uniform(-MOST, MOST))
            digit = Image.fromarray(np.moveaxis(np.asarray(part.samples[int(i)].image), 0, 2))
            pixels = np.moveaxis(np.asarray(digit.rotate(angle, Image.Resampling.BILINEAR)), 2, 0)
            sample = Sample(part.samples[int(i)].id, pixels, target=np.array([angle], np.float32), split=split)
            samples.append(sample)
    return Dataset(tuple(samples), ("angle",), kind="number")


def areas(data: Dataset) -> Dataset:
    """The cells with the share of the picture that their mask covers, in percent, and without the mask."""
    samples = []
    for sample in data.samples:
        assert sample.mask is not None, "all cells have masks"
        target = np.array([100 * sample.mask.mean()], np.float32)
        samples.append(replace(sample, label=None, mask=None, mask_source=None, target=target))
    return Dataset(tuple(samples), ("area",), kind="number")
