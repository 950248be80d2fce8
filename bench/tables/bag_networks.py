"""INS and max pooling in networks that learn from bags alone, from random weights, against mean pooling.

The bags of digits of Ilse, Tomczak and Welling 2018 (https://arxiv.org/abs/1802.04712): ten images of MNIST, every
second bag with one image of the positive digit (the draw's number), the others without. A convolutional network of
two layers reads images that are shifted by up to two pixels, anew in each step. Log-odds of images are pooled as the
recipes for bags pool them; INS has max pooling besides its own terms, which begin at half of the steps: from the first
on they drew all images together, as all are predicted negative then, and bags of the development draw stayed at chance
(50.8 and 51.6 at the two factors; max pooling 97.4). Each method has the best of four settings for
bags of development draw 100, made of training images and scored on bags of others: two rates, times two weight
decays or, of INS, two factors of its terms. Scored are 200 bags of test images, and their images.
"""

from dataclasses import asdict, dataclass
from itertools import product
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Float32, Int
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn

from bench.support.data import mnist
from bench.support.instance_contrast import InstanceContrast
from bench.support.options import Options
from bench.tables.bags import SIZE, TEST_BAGS, DrawnBags, Setting, compare, drawn, record_scores
from handful.core.dataset import Dataset
from handful.parts.heads._bags import maxima_of_bags, means_of_bags

TABLE = "bag-networks"
METHODS = ("mean", "max", "INS")
COMPARISONS = (*((method, "mean") for method in METHODS[1:]), ("INS", "max"))
SETTINGS = (Setting(60, 1),)
STEPS, BAGS, SHIFT = 200, 10, 2  # bags of a step, pixels
START = 0.5  # share of the steps before the terms of INS
RATES, DECAYS, FACTORS, DEVELOPMENT = (1e-3, 3e-3), (1e-4, 1e-2), (1.0, 0.1), (100,)
METRICS = ("bag_auc", "image_auc")
Images = Float32[np.ndarray, "n p"]


class Network(nn.Module):
    """Features and scores of the two classes of images of 28 x 28 pixels."""

    def __init__(self) -> None:
        super().__init__()
        convolutions = (nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU())
        self.features = nn.Sequential(*convolutions, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 128), nn.ReLU())
        self.classify = nn.Linear(128, 2)

    def bag_scores(
        self, method: str, features: Float[Tensor, "n c"], index: Int[Tensor, " n"], bags: int
    ) -> Float[Tensor, " b"]:
        """Log-odds that a bag is positive."""
        scores = self.classify(features)
        odds = scores[:, 1] - scores[:, 0]
        if method == "mean":
            return means_of_bags(odds[:, None], index, bags)[:, 0]
        return maxima_of_bags(odds[:, None], index, bags)[:, 0]


@dataclass(frozen=True)
class Way:
    """A method with its learning rate, weight decay and, of INS, the factor of its terms."""

    method: str
    rate: float
    decay: float = DECAYS[0]
    factor: float = FACTORS[0]


def run(options: Options) -> None:
    """Choose each method's setting, then score all on each draw."""
    data = mnist(options.folder())
    x = np.stack([np.asarray(sample.image)[0].ravel() for sample in data.samples]).astype(np.float32) / 255
    steps = 2 if options.quick else STEPS
    draws = (100,) if options.quick else tuple(range(options.draws))
    ways = [chosen(method, data, x, steps) for method in METHODS]
    for setting in SETTINGS[: 1 if options.quick else None]:
        values = {way.method: measure(way, data, x, setting, draws, steps, quick=options.quick) for way in ways}
        for method, control in COMPARISONS:
            differences = values[method] - values[control]
            compare(
                f"{method} against {control}",
                differences,
                data,
                setting,
                draws,
                quick=options.quick,
                table=TABLE,
                metrics=METRICS,
            )


def chosen(method: str, data: Dataset, x: Images, steps: int) -> Way:
    """The setting with the best mean AUC of bags that a development draw leaves."""
    options = product(RATES, DECAYS[:1], FACTORS) if method == "INS" else product(RATES, DECAYS)
    ways, found = [Way(method, *values) for values in options], []
    for way in ways:
        auc = []
        for draw in DEVELOPMENT:
            network = fitted(way, drawn(data, x, "train", SETTINGS[0], draw), draw, steps)
            auc.append(scores(network, method, _others(data, x, draw))[0])
        found.append(float(np.mean(auc)))
        print(f"{way}: {100 * found[-1]:.1f}", flush=True)
    return ways[int(np.argmax(found))]


def _others(data: Dataset, x: Images, draw: int) -> DrawnBags:
    """Bags of training images that the draw's bags have none of: those behind them in the same order."""
    bags = drawn(data, x, "train", Setting(SETTINGS[0].bags + 100, SETTINGS[0].positive), draw)
    behind = bags.index >= SETTINGS[0].bags
    index = bags.index[behind] - SETTINGS[0].bags
    return DrawnBags(bags.x[behind], index, bags.labels[SETTINGS[0].bags :], bags.positive[behind])


def measure(
    way: Way, data: Dataset, x: Images, setting: Setting, draws: tuple[int, ...], steps: int, *, quick: bool
) -> Float[np.ndarray, "r m"]:
    """Print and record both AUCs of each draw."""
    start, values = perf_counter(), []
    for draw in draws:
        network = fitted(way, drawn(data, x, "train", setting, draw), draw, steps)
        test = drawn(data, x, "test", Setting(TEST_BAGS, setting.positive), draw)
        values.append(scores(network, way.method, test))
    seconds, rows = (perf_counter() - start) / len(draws), np.array(values)
    line = {
        **asdict(way),
        **setting.fields,
        "draws": list(draws),
        "seconds": round(seconds, 1),
    }
    record_scores(line, rows, said=f"{way}, {setting}", quick=quick, table=TABLE, metrics=METRICS)
    return rows


def fitted(way: Way, bags: DrawnBags, seed: int, steps: int) -> Network:
    """A network trained by Adam with a cosine schedule; a step has `BAGS` bags, in an order that is drawn anew."""
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    network = Network()
    extra = InstanceContrast(network.features, network.classify, bags.index, bags.labels, generator)
    parameters = [*network.parameters(), *(extra.projection.parameters() if way.method == "INS" else ())]
    optimizer = torch.optim.Adam(parameters, lr=way.rate, weight_decay=way.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    x, index, labels = torch.from_numpy(bags.x), torch.from_numpy(bags.index), torch.from_numpy(bags.labels)
    queue: list[int] = []
    for step in range(steps):
        while len(queue) < BAGS:
            queue += torch.randperm(len(labels), generator=generator).tolist()
        own, queue = torch.tensor(queue[:BAGS]), queue[BAGS:]
        rows = torch.cat([(index == bag).nonzero()[:, 0] for bag in own.tolist()])
        local = torch.arange(BAGS).repeat_interleave(SIZE)
        features = network.features(shifted(x[rows], generator))
        odds = network.bag_scores(way.method, features, local, BAGS)
        loss = F.binary_cross_entropy_with_logits(odds, labels[own].float())
        if way.method == "INS" and step >= START * steps:
            if step - 1 < START * steps:
                extra.follow()
            progress = (step / steps - START) / (1 - START)
            loss = loss + way.factor * extra.loss(features, rows, shifted(x[rows], generator), progress)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()


def shifted(x: Float[Tensor, "n p"], generator: torch.Generator) -> Float[Tensor, "n 1 h w"]:
    """The images, each moved by up to `SHIFT` pixels."""
    images = F.pad(x.view(-1, 1, 28, 28), (SHIFT,) * 4)
    down, right = torch.randint(0, 2 * SHIFT + 1, (2, len(x)), generator=generator)
    rows, columns = (offset[:, None] + torch.arange(28) for offset in (down, right))
    return images[torch.arange(len(x))[:, None, None], 0, rows[:, :, None], columns[:, None, :]][:, None]


def scores(network: Network, method: str, bags: DrawnBags) -> tuple[float, float]:
    """AUC of the bags, and of their images by the log-odds of each as a bag of its own."""
    with torch.inference_mode():
        features = network.features(torch.from_numpy(bags.x).view(-1, 1, 28, 28))
        index, number = torch.from_numpy(bags.index), len(bags.labels)
        pooled = network.bag_scores(method, features, index, number).numpy()
        images = network.bag_scores(method, features, torch.arange(len(features)), len(features)).numpy()
    return float(roc_auc_score(bags.labels, pooled)), float(roc_auc_score(bags.positive, images))
