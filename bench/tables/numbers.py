"""Numbers: the angle of turned digits and the area of white blood cells, from frozen features, against the median.

Digits of MNIST are turned by an angle of -60 to 60 degrees, training and test digits apart; the number is the angle. A
cell's number is the share of its picture that its mask covers, in percent; the mask is the label, and no recipe sees
it. `ridge` and `knn` read the frozen features of the embedded network at 96 pixels. Five draws of 5 and 20 images from
each fifth of the range; cells have no test part, and what a draw leaves is scored. Nothing was chosen on these draws.

Rare numbers: 200 digits whose angles fall off in frequency a hundredfold, and 100 cells as they come; losses on a small
network on these features (`bench.support.number_losses`), in paired differences to the absolute error. The absolute
error and ConR also at the best of sixteen settings each, drawn at random and chosen by the error of all digits of
development draws 100 and 101 that a draw leaves of the training part; the cells get the settings of the digits.
"""

from dataclasses import asdict, replace

import numpy as np
from PIL import Image

from bench.support.data import cells, mnist
from bench.support.number_losses import (
    LOSSES,
    Errors,
    Features,
    Setting,
    errors_at,
    errors_of,
    frozen_features,
    random_settings,
)
from bench.support.options import Options
from bench.support.record import append
from handful.core.dataset import Dataset, Sample, Split
from handful.evaluation.evaluate import Protocol, evaluate
from handful.evaluation.intervals import mean_interval
from handful.evaluation.numbers import summarise_numbers
from handful.recipes.load import load_recipe

TABLE = "numbers"
POOL, TEST, MOST = 600, 400, 60.0
SPLITS: tuple[tuple[Split, int], ...] = (("train", POOL), ("test", TEST))
PER_FIFTH = (5, 20)
TAILED, CELLS, CONTROL = 200, 100, "absolute error"
SEARCHED, SETTINGS, DEVELOPMENT = ("absolute error", "ConR"), 16, (100, 101)
RECIPES = ("ridge", "knn")


def run(options: Options) -> None:
    """Both sets, both recipes, at each number of images."""
    sets = {"turned digits": turned(mnist(options.folder())), "cell areas": areas(cells(options.folder()))}
    draws = (100,) if options.quick else tuple(range(options.draws))
    digits, x = sets["turned digits"], {name: frozen_features(data, 96) for name, data in sets.items()}
    for name, data in sets.items():
        tails(name, data, x[name], draws, quick=options.quick)
    best = {loss: chosen(loss, digits, x["turned digits"], 1 if options.quick else SETTINGS) for loss in SEARCHED}
    for name, data in sets.items():
        tuned_tails(name, data, x[name], best, draws, quick=options.quick)
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


def tails(name: str, data: Dataset, x: Features, draws: tuple[int, ...], *, quick: bool) -> None:
    """Errors of all numbers and of rare ones by each loss, at its cross-validated weight decay."""
    found: dict[str, list[Errors]] = {loss: [] for loss in LOSSES}
    for draw in draws:
        trained, scored = tailed(data, draw)
        for loss, parts in LOSSES.items():
            found[loss].append(errors_of(parts, data, x, trained, scored, draw))
    for loss, errors in found.items():
        _record(name, loss, errors, draws, quick=quick)
        if loss != CONTROL:
            _compare(name, data, loss, errors, found[CONTROL], quick=quick)


def chosen(loss: str, data: Dataset, x: Features, number: int) -> Setting:
    """The setting of least mean error on the images that the development draws leave."""
    parts = {draw: tailed(data, draw) for draw in DEVELOPMENT}
    settings = random_settings(loss, number)
    errors = [
        float(np.mean([errors_at(setting, data, x, *parts[draw], draw).all for draw in DEVELOPMENT]))
        for setting in settings
    ]
    best = int(np.argmin(errors))
    print(f"{loss}: {settings[best]}, {errors[best]:.3g} on development draws ({min(errors):.3g} to {max(errors):.3g})")
    return settings[best]


def tuned_tails(
    name: str, data: Dataset, x: Features, best: dict[str, Setting], draws: tuple[int, ...], *, quick: bool
) -> None:
    """Errors of the losses of a search at their best settings."""
    found: dict[str, list[Errors]] = {}
    for loss, setting in best.items():
        found[loss] = [errors_at(setting, data, x, *tailed(data, draw), draw) for draw in draws]
        _record(name, f"{loss}, tuned", found[loss], draws, setting=setting, quick=quick)
    _compare(name, data, "ConR, both tuned", found["ConR"], found[CONTROL], quick=quick)


def _record(
    name: str,
    loss: str,
    errors: list[Errors],
    draws: tuple[int, ...],
    *,
    setting: Setting | None = None,
    quick: bool,
) -> None:
    line = {"set": name, "loss": loss, "draws": list(draws), "tail": True}
    line |= {} if setting is None else {"setting": asdict(setting)}
    append(TABLE, line | {"all": [e.all for e in errors], "rare": [e.rare for e in errors]}, quick=quick)
    both = (f"{which} {np.mean([getattr(e, which) for e in errors]):.3g}" for which in ("all", "rare"))
    print(f"{name}, {loss}: {', '.join(both)}", flush=True)


def _compare(name: str, data: Dataset, loss: str, errors: list[Errors], control: list[Errors], *, quick: bool) -> None:
    """Paired differences to the control; draws from one pool share images."""
    ratio = TAILED / (POOL - TAILED) if name == "turned digits" else (len(data) - CELLS) / CELLS
    for which in ("all", "rare"):
        pairs = zip(errors, control, strict=True)
        differences = np.array([getattr(a, which) - getattr(b, which) for a, b in pairs])
        mean, (low, high, _) = float(differences.mean()), mean_interval(differences, ratio)
        compared = {"set": name, "comparison": f"{loss}, {which}", "differences": differences.tolist()}
        append(TABLE, compared | {"mean": mean, "low": low, "high": high, "tail": True}, quick=quick)
        print(f"  {loss}, {which} {mean:+.3g} ({low:+.3g} to {high:+.3g})", flush=True)


def tailed(data: Dataset, draw: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training images of a draw, of which some numbers are rare, and of those that are scored."""
    rng = np.random.default_rng([draw, 1])
    pool = np.array([i for i, s in enumerate(data.samples) if s.split != "test"])
    test = np.array([i for i, s in enumerate(data.samples) if s.split == "test"], dtype=np.int64)
    if not len(test):
        order = rng.permutation(pool)
        return order[:CELLS], order[CELLS:]
    share = 100.0 ** (-(data.targets()[pool, 0] + MOST) / (2 * MOST))
    chosen = rng.choice(pool, TAILED, replace=False, p=share / share.sum())
    return (chosen, test) if draw < 100 else (chosen, np.setdiff1d(pool, chosen))


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
