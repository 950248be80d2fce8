"""Results log: one JSON line per training run, with its per-image predictions in an `.npz` file, checked by hash.

A run whose line and predictions are both intact is loaded instead of trained again; that is how a stopped
evaluation resumes.
"""

import hashlib
import json
import os
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from handful.core.files import write_atomically
from handful.core.parsing import parse_json
from handful.core.recipe import Recipe
from handful.core.result import Result, Run
from handful.data.fingerprint import ids_hash
from handful.errors import OutputError
from handful.evaluation.levels import Levels, logged_levels
from handful.evaluation.multilabel import logged_scores
from handful.evaluation.numbers import number_scores
from handful.evaluation.protocol import Protocol, TrainTestSplit
from handful.evaluation.versions import commit, versions
from handful.recipes.read import read_recipe
from handful.recipes.renamed import stored_name
from handful.recipes.write import fingerprint, to_toml

NEWER = ("long_tail", "tail_order", "unlabelled", "transductive")  # fields of a key that older lines lack
FORMAT = 1  # raised when a line of an older version may not be taken for a run of this one
ARRAYS = ("sets", "rejected", "targets", "thresholds", "numbers", "medians")  # of a run, where it has them


@dataclass(frozen=True)
class RunKey:
    """The identity of a run: two runs with the same key are the same experiment."""

    recipe: str
    trainer: str
    data: str
    split_ids: str
    draw: int
    fold: int | None
    folds: int | None
    per_class: int | None
    score_on: str
    format: int = FORMAT
    long_tail: float | None = None
    tail_order: str | None = None
    unlabelled: str | None = None
    transductive: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The fields as a line holds them; the newer ones only where they are set, since older lines lack them."""
        return {k: v for k, v in vars(self).items() if v is not None or k not in NEWER}

    @property
    def digest(self) -> str:
        """12 hex digits, the name of the predictions file."""
        return hashlib.sha256(json.dumps(self.as_json(), sort_keys=True).encode()).hexdigest()[:12]


class ResultsLog:
    """A JSON-lines log and the folder with its predictions (default: `<log stem>-predictions/` beside it)."""

    def __init__(self, log: Path, predictions: Path | None = None) -> None:
        self.log = log
        self.predictions = predictions or log.with_name(f"{log.stem}-predictions")
        if log.is_dir():
            raise OutputError("this is a folder", where=log, remedy="name a file, such as results.jsonl.")

    def lines(self) -> Iterator[dict[str, Any]]:
        """Every whole line; one cut short by a crash, or of another format, is passed over."""
        if not self.log.exists():
            return
        for text in self.log.read_text(encoding="utf-8").splitlines():
            try:
                line = parse_json(text)
            except ValueError:
                continue
            if isinstance(line, dict) and line.get("format") == FORMAT:
                yield line

    def done(self) -> dict[RunKey, dict[str, Any]]:
        """The newest line of each experiment."""
        names = RunKey.__dataclass_fields__.keys()
        needed = names - set(NEWER)
        whole = (line for line in self.lines() if needed <= line.keys() and _is_key(line))
        return {RunKey(**{n: line[n] for n in names if n in line}): line for line in whole}

    def load(self, line: Mapping[str, Any]) -> tuple[Run, tuple[str, ...], Levels] | None:
        """The run of a line, its class names and the levels of their tree.

        None when the predictions are missing, or not the ones that the line names.
        """
        path = self.predictions / Path(str(line.get("predictions"))).name
        if not path.is_file() or _file_hash(path) != line.get("predictions_sha256"):
            return None
        try:
            return self._read(path, line)
        except (KeyError, TypeError, ValueError, OSError, zipfile.BadZipFile):  # another program's log
            return None

    def _read(self, path: Path, line: Mapping[str, Any]) -> tuple[Run, tuple[str, ...], Levels]:
        with np.load(path, allow_pickle=False) as stored:
            run = Run(
                draw=line["draw"],
                fold=line["fold"],
                seed=line["seed"],
                train_ids=tuple(stored["train_ids"].tolist()),
                ids=tuple(stored["ids"].tolist()),
                labels=stored["labels"],
                probabilities=stored["probabilities"],
                seconds=line["seconds"],
                per_class=line["per_class"],
                counts=np.array(line["counts"]) if line.get("counts") is not None else None,
                sets=stored.get("sets"),
                rejected=stored.get("rejected"),
                targets=stored.get("targets"),
                thresholds=stored.get("thresholds"),
                numbers=stored.get("numbers"),
                medians=stored.get("medians"),
                pool=np.array(line["pool"]) if line.get("pool") is not None else None,
                name_weight=None if line.get("name_weight") is None else float(line["name_weight"]),
            )
            levels = stored["levels"].tolist() if "levels" in stored else []
            return run, tuple(stored["classes"].tolist()), tuple(map(tuple, levels))

    def add(
        self,
        key: RunKey,
        recipe: Recipe,
        run: Run,
        classes: tuple[str, ...],
        facts: Mapping[str, Any],
        *,
        levels: Levels = (),
    ) -> None:
        """Write the predictions, then the line: a line never names predictions that are not there."""
        self.predictions.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        recipe_file = self.predictions / f"{key.recipe}.toml"
        if not recipe_file.exists():
            recipe_file.write_text(to_toml(recipe), encoding="utf-8")
        path = self.predictions / f"{_plain(recipe.name)}-{key.digest}.npz"
        more: dict[str, Any] = {name: getattr(run, name) for name in ARRAYS}
        more["levels"] = np.array(levels, dtype=np.str_) if levels else None
        with write_atomically(path) as draft, draft.open("wb") as file:
            np.savez_compressed(
                file,
                train_ids=np.array(run.train_ids, dtype=np.str_),
                ids=np.array(run.ids, dtype=np.str_),
                labels=run.labels,
                probabilities=run.probabilities,
                classes=np.array(classes, dtype=np.str_),
                **{name: values for name, values in more.items() if values is not None},
            )
        line = {
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "commit": commit(),
            "name": stored_name(recipe.name),
            **key.as_json(),
            "seed": run.seed,
            "n_train": len(run.train_ids),
            "counts": None if run.counts is None else run.counts.tolist(),
            "pool": None if run.pool is None else run.pool.tolist(),
            "n_test": len(run.ids),
            **(logged_scores(run, len(classes)) if run.numbers is None else number_scores(run)),
            **logged_levels(run, levels),
            **({} if run.name_weight is None else {"name_weight": run.name_weight}),
            "seconds": round(run.seconds, 3),
            **facts,
            "versions": versions(),
            "predictions": path.name,
            "predictions_sha256": _file_hash(path),
        }
        self._append(json.dumps(line))

    def _append(self, text: str) -> None:
        with self.log.open("ab+") as file:
            if file.tell() > 0:
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # the line before was cut short
                    file.write(b"\n")
            file.write(text.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def read_results(log: Path, predictions: Path | None = None) -> list[Result]:
    """Every evaluation in a log, as `evaluate` returned it; runs whose predictions are gone are left out.

    Where different recipes bear one name (it was edited between runs), their fingerprints are added to it.

    Raises:
        OutputError: there is no such log, or no run in it can be loaded.
    """
    store = ResultsLog(log, predictions)
    if not log.exists():
        raise OutputError("no such file", where=log, remedy="name the log that evaluate or sweep wrote.")
    groups: dict[tuple[Any, ...], list[tuple[Run, tuple[str, ...], Levels]]] = {}
    for key, line in store.done().items():
        loaded = store.load(line)
        if loaded is not None:
            newer = tuple(getattr(key, name) for name in NEWER)
            group = (key.recipe, key.trainer, key.data, key.folds, key.per_class, key.score_on, *newer)
            groups.setdefault(group, []).append(loaded)
    if not groups:
        raise OutputError(
            "no run with intact predictions found",
            where=log,
            remedy=f"restore {store.predictions}, or run the same command again.",
        )
    recipes = {}
    for mark in dict.fromkeys(str(group[0]) for group in groups):
        path = store.predictions / f"{mark}.toml"
        recipes[mark] = read_recipe(path.read_text(encoding="utf-8"), where=str(path))
    names = Counter(recipe.name for recipe in recipes.values())
    results = []
    for group, loads in groups.items():
        recipe = recipes[str(group[0])]
        if names[recipe.name] > 1:
            recipe = replace(recipe, name=f"{recipe.name} {group[0]}")
        unlabelled, transductive = group[-2:]
        recipe = with_conditions(recipe, unlabelled or "none", bool(transductive), score_on=group[5])
        runs = sorted((run for run, _, _ in loads), key=lambda r: (r.draw, r.fold or 0))
        levels = next((known for _, _, known in reversed(loads) if known), ())
        results.append(Result(recipe, loads[0][1], tuple(runs), levels))
    return results


def make_key(recipe: Recipe, protocol: Protocol, split: TrainTestSplit, *, trainer: str, data: str) -> RunKey:
    """The identity of a run that is about to be trained.

    Args:
        recipe: what is trained.
        protocol: the protocol that the split belongs to.
        split: the images to train on and to score.
        trainer: the trainer's name.
        data: fingerprint of the data set.
    """
    return RunKey(
        recipe=fingerprint(recipe),
        trainer=trainer,
        data=data,
        split_ids=ids_hash(split.train.ids, split.test.ids),
        draw=split.draw,
        fold=split.fold,
        folds=protocol.folds,
        per_class=protocol.per_class,
        score_on=protocol.score_on,
        long_tail=protocol.long_tail,
        tail_order=None if protocol.long_tail is None else protocol.tail_order,
        unlabelled=None if protocol.unlabelled == "none" else protocol.unlabelled,
        transductive=protocol.transductive or None,
    )


def with_conditions(recipe: Recipe, unlabelled: str, transductive: bool, *, score_on: str) -> Recipe:
    """The recipe under a name that says what it saw beside its labelled images, and whether the val split is scored."""
    conditions = [f"{unlabelled} unlabelled"] if unlabelled != "none" else []
    conditions += ["transductive"] if transductive else []
    conditions += ["val split"] if score_on == "val" else []
    return replace(recipe, name=f"{recipe.name} ({', '.join(conditions)})") if conditions else recipe


def _is_key(line: Mapping[str, Any]) -> bool:
    """Whether a line's fields of a key are plain values: a log may be damaged, or a stranger's."""
    fields = (line.get(name) for name in RunKey.__dataclass_fields__)
    return not any(isinstance(value, list | dict) for value in fields)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in name) or "recipe"
