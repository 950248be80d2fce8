"""Query strategies of `handful annotate` compared from no label on, at equal labelling time.

A scripted annotator labels what each order asks for: at random, diverse (k-center), typical of clusters, least certain
first, what is expected to change the classifier most, and balanced by the class names, then diverse. Least certain and
expected change begin diverse until every class has been met, and fit anew after as many labels as there are classes.
Logistic regression on the embedded EfficientNet-Lite0's features, as the page has them, scored on images that are never
asked for. The log is one that `handful cost` reads.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.support.accuracy import PREDICTIONS
from bench.support.data import cells_once, cifar10
from bench.support.options import Options
from bench.support.record import RESULTS
from handful.annotation.files.name_scores import NameScores
from handful.annotation.name_scores import score_names
from handful.annotation.tools import active_learning
from handful.annotation.tools.active_learning import FIRST_LABELS
from handful.core.dataset import Dataset
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data import splits
from handful.data.fingerprint import fingerprint, ids_hash
from handful.data.images import pixels
from handful.evaluation.annotation_cost import PAPER, cost_points
from handful.evaluation.results_log import ResultsLog, RunKey
from handful.models.name_weight import LEVEL
from handful.recipes.load import load_recipe
from handful.recipes.write import fingerprint as recipe_fingerprint
from handful.reports.text_tables import format_cost
from handful.training.image_features import features

NAMES = ("random", "balanced", "diverse", "typical", "uncertain", "influential")
BUDGETS = (1, 2, 5, 10)  # labels, for each class there is
POOL, TEST = 200, 100  # of CIFAR-10, per class


@dataclass(frozen=True, eq=False)
class Pool:
    """Images that may be asked for, and others to score on."""

    data: Dataset
    pool: Int[np.ndarray, " n"]
    test: Int[np.ndarray, " m"]
    features: Float[np.ndarray, "all c"]
    named: NameScores  # what the class names say of the images that may be asked for

    @property
    def k(self) -> int:
        """Classes."""
        return len(self.data.classes)


def run(options: Options) -> None:
    """Every order on cells, of which half are scored, and on CIFAR-10."""
    folder = options.folder()
    _orders("annotate-orders-cells", cells_once(folder), _halves, options)
    images = cifar10(folder)
    few, _ = splits.draw(images, 4 if options.quick else POOL, 0)
    test = [i for c in range(10) for i in _of_class(images, c, "test")[: 2 if options.quick else TEST]]
    both = replace(images, samples=(*few.samples, *(images.samples[i] for i in test)))
    _orders("annotate-orders-cifar10", both, _parts, options)


def _orders(
    table: str,
    data: Dataset,
    cut: Callable[[Dataset, int], tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]],
    options: Options,
) -> None:
    store, mark = ResultsLog(RESULTS / f"{table}.jsonl", PREDICTIONS / table), fingerprint(data)
    held = np.concatenate(list(features(pixels(s) for s in data.samples))).astype(np.float64)
    results = []
    for name in NAMES:
        recipe = replace(load_recipe("logistic-lite0"), name=f"order: {name}")
        runs: dict[int, list[Run]] = {}
        for draw in range(1 if options.quick else options.draws):
            asked, test = cut(data, draw)
            ids = [data.ids[i] for i in asked]
            pool = Pool(data, asked, test, held, score_names(data.classes, ids, held[asked], seed=draw))
            for run_ in _runs(name, pool, draw):
                runs.setdefault(run_.per_class or 0, []).append(run_)
                if not options.quick:
                    store.add(_key(recipe, mark, run_), recipe, run_, data.classes, {})
        results += [Result(recipe, data.classes, tuple(of)) for of in runs.values()]
    print(f"\n{table}, seconds per label as in the CvS paper")
    print(format_cost(cost_points(results, PAPER["cifar10"])))


def _runs(name: str, pool: Pool, draw: int) -> Iterator[Run]:
    """The score at each number of labels."""
    labels = pool.data.labels
    known = np.full(len(labels), -1)
    start = time.perf_counter()
    order: list[int] = []
    for at in _asked(name, pool, known, draw):
        known[at] = labels[at]
        order.append(at)
        if len(order) not in {m * pool.k for m in BUDGETS}:
            continue
        train = np.array(order)
        yield Run(
            draw=draw,
            fold=None,
            seed=draw,
            train_ids=tuple(pool.data.ids[i] for i in train),
            ids=tuple(pool.data.ids[i] for i in pool.test),
            labels=labels[pool.test],
            probabilities=_fitted(pool, known)[pool.test].astype(np.float32),
            seconds=time.perf_counter() - start,
            per_class=len(order) // pool.k,
            counts=np.bincount(labels[train], minlength=pool.k),
        )
        if len(order) == max(BUDGETS) * pool.k:
            return


def _asked(name: str, pool: Pool, known: Int[np.ndarray, " n"], draw: int) -> Iterator[int]:
    """What an order asks for, one after the other; `known` has what was answered."""
    inside: Bool[np.ndarray, " n"] = np.zeros(len(known), dtype=bool)
    inside[pool.pool] = True
    ids = pool.data.ids
    says: dict[str, float] = {}
    fitted_at, likely_by_name = -1, pool.named.rows(ids)
    while (candidates := inside & (known < 0)).any():
        done = known >= 0
        found: int | None = None
        met = len(np.unique(known[done])) == pool.k
        if name in ("uncertain", "influential") and met:
            if fitted_at < 0 or done.sum() - fitted_at >= pool.k:
                fitted_at = int(done.sum())
                likely = _fitted(pool, known)
                change = active_learning.expected_change(pool.features, likely)
                says = dict(zip(ids, likely.max(axis=1) if name == "uncertain" else change, strict=True))
            ask = active_learning.uncertain if name == "uncertain" else active_learning.influential
            found = ask(ids, candidates, says)
        elif name == "balanced" and pool.named.p_value <= LEVEL and done.sum() < FIRST_LABELS * pool.k:
            found = active_learning.balanced(likely_by_name, known, candidates)
        elif name == "random":
            found = active_learning.random(candidates, seed=draw)
        if found is None:
            # Images that are not in the pool are no part of what the order sees.
            rows = np.flatnonzero(inside)
            seen = pool.features[rows]
            ask_by = active_learning.typical if name == "typical" else active_learning.diverse
            place = ask_by(seen, active_learning.assign_classes(seen, known[rows]), done[rows], candidates[rows])
            assert place is not None
            found = int(rows[place])
        yield found


def _fitted(pool: Pool, known: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n k"]:
    """Probabilities of every image by what is known; a class that was never met has none."""
    done = known >= 0
    seen = np.unique(known[done])
    shares = np.zeros((len(known), pool.k))
    if len(seen) == 1:
        shares[:, seen[0]] = 1
        return shares
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    shares[:, seen] = model.fit(pool.features[done], known[done]).predict_proba(pool.features)
    return shares


def _halves(data: Dataset, draw: int) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Half of each class to ask for, half to score on."""
    train, test = splits.holdout(data, 0.5, draw)
    place = {name: i for i, name in enumerate(data.ids)}
    pool, scored = (np.array([place[name] for name in part.ids]) for part in (train, test))
    return pool, scored


def _parts(data: Dataset, draw: int) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Half of the training images, other ones in every draw; the whole test part."""
    train = np.array([i for i, s in enumerate(data.samples) if s.split != "test"])
    pool = np.random.default_rng(draw).permutation(train)[: len(train) // 2]
    return np.sort(pool), np.array([i for i, s in enumerate(data.samples) if s.split == "test"])


def _of_class(data: Dataset, label: int, split: str) -> list[int]:
    return [i for i, s in enumerate(data.samples) if s.label == label and s.split == split]


def _key(recipe: Recipe, mark: str, one: Run) -> RunKey:
    used = ids_hash(one.train_ids, one.ids)
    mine = "bench.annotate_orders"  # the word that logs hold
    return RunKey(recipe_fingerprint(recipe), mine, mark, used, one.draw, None, None, one.per_class, "test")
