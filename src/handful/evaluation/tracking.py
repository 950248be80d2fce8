"""Track trainings and scores in TensorBoard or MLflow's local store, on request.

Both are written through their own packages, so that their own pages show them: `tensorboard --logdir FOLDER`,
`mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db`. Where MLFLOW_TRACKING_URI is set, MLflow writes there.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from pathlib import Path
from time import monotonic, time
from types import TracebackType
from typing import Any, Literal, Protocol, runtime_checkable

from handful.core.result import Result
from handful.errors import OutputError, option
from handful.evaluation.levels import at_level, summarise_levels
from handful.evaluation.metrics import SCORES
from handful.evaluation.statistics import ScoreSummary, headline_metric, summarise

Kind = Literal["tensorboard", "mlflow"]
EXPERIMENT = "handful"
EVERY = 1.0  # seconds between two writes


@runtime_checkable
class _Store(Protocol):
    def settings(self, values: Mapping[str, Any]) -> None: ...

    def write(self, values: Mapping[str, float], step: int) -> None: ...

    def flush(self) -> None: ...

    def close(self, *, finished: bool) -> None: ...


class Tracking:
    """One run in a tracker, to be used as a context.

    Args:
        kind: which tracker.
        folder: where its files go; made if it is missing.
        name: of the run.
        settings: what was asked for, as texts and numbers.

    Raises:
        OutputError: the tracker is not installed, or its store cannot be written to.
    """

    def __init__(self, kind: Kind, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        self._store = _open(kind, folder, name)
        self._store.settings(settings)
        self._written = monotonic()

    def __enter__(self) -> "Tracking":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._store.close(finished=error is None)

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Record the values of a step."""
        self._store.write(values, step)
        if monotonic() - self._written > EVERY:
            self._store.flush()
            self._written = monotonic()


def track_scores(kind: Kind, folder: Path, results: Sequence[Result]) -> None:
    """A run for each result: its scores by draw, and their mean with its interval and worst draw.

    Of data that were read with a tree of the classes also those of the groups at each level ("level 1 accuracy").

    Raises:
        OutputError: as `Tracking`.
    """
    for result in results:
        metric = headline_metric([result])
        row = summarise(result, metric)[0]
        settings = {"recipe": result.recipe.name, "per_class": row.per_class, "draws": row.draws, "design": row.design}
        name = result.recipe.name if row.per_class is None else f"{result.recipe.name} {row.per_class} per class"
        with Tracking(kind, folder, name, settings) as tracking:
            for step, run in enumerate(result.runs):
                tracking.log({"seconds": run.seconds}, step)
            _log_scores(tracking, result, row)
            for level, groups in zip(summarise_levels(result, metric), result.levels, strict=True):
                _log_scores(tracking, at_level(result, groups), level, f"level {level.level} ")


def _log_scores(tracking: Tracking, result: Result, row: ScoreSummary, prefix: str = "") -> None:
    """The scores of each run, and the summary."""
    for step, run in enumerate(result.runs):
        scores = {name: score(run.labels, run.predictions, len(result.classes)) for name, score in SCORES.items()}
        tracking.log({f"{prefix}{name}": float(value) for name, value in scores.items()}, step)
    whole = {"mean": row.mean, "low": row.low, "high": row.high, "worst": row.worst}
    tracking.log({f"{prefix}{row.metric} {statistic}": value for statistic, value in whole.items()}, 0)


def check_tracker(kind: Kind, folder: Path) -> None:
    """Refuse a tracker that cannot be written to, before a long training begins.

    Raises:
        OutputError: it is not installed, or its folder cannot be made.
    """
    with _tracker_errors(kind, folder):
        import_module("torch.utils.tensorboard" if kind == "tensorboard" else "mlflow")
        folder.mkdir(parents=True, exist_ok=True)


def _open(kind: Kind, folder: Path, name: str) -> _Store:
    with _tracker_errors(kind, folder):
        folder.mkdir(parents=True, exist_ok=True)
        return _TensorBoard(folder, name) if kind == "tensorboard" else _MLflow(folder, name)


@contextmanager
def _tracker_errors(kind: Kind, folder: Path) -> Iterator[None]:
    """Errors of a tracker as errors of ours."""
    try:
        yield
    except ImportError as error:
        raise OutputError(
            f"{kind} is not installed", where=option("track", kind), remedy=f'pip install "handful[{kind}]".'
        ) from error
    except Exception as error:  # each tracker has its own
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OutputError(
            f"{kind} cannot write ({first})",
            where=folder,
            remedy=f"choose another folder ({option('track_to', 'FOLDER')}).",
        ) from error


class _TensorBoard:
    def __init__(self, folder: Path, name: str) -> None:
        from torch.utils.tensorboard import SummaryWriter

        stamp = datetime.now().strftime("%Y-%m-%d %H-%M-%S.%f")[:-3]
        make: Any = SummaryWriter
        self._writer = make(folder / f"{name.replace('/', '-')} {stamp}", flush_secs=3600)

    def settings(self, values: Mapping[str, Any]) -> None:
        lines = "\n".join(f"| {key} | {value} |" for key, value in values.items())
        self._writer.add_text("settings", f"| | |\n|---|---|\n{lines}")
        self.flush()

    def write(self, values: Mapping[str, float], step: int) -> None:
        for key, value in values.items():
            self._writer.add_scalar(key, value, step)

    def flush(self) -> None:
        self._writer.flush()

    def close(self, *, finished: bool) -> None:  # noqa: ARG002
        self._writer.close()


class _MLflow:
    def __init__(self, folder: Path, name: str) -> None:
        from mlflow import MlflowClient

        store = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{folder.resolve() / 'mlflow.db'}")
        make: Any = MlflowClient
        self._client = make(tracking_uri=store)
        experiment = self._client.get_experiment_by_name(EXPERIMENT)
        artifacts = (folder.resolve() / "artifacts").as_uri()
        experiment_id = (
            experiment.experiment_id
            if experiment
            else self._client.create_experiment(EXPERIMENT, artifact_location=artifacts)
        )
        self._run: str = self._client.create_run(experiment_id, run_name=name).info.run_id
        self._waiting: list[Any] = []

    def settings(self, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            self._client.log_param(self._run, key, value)

    def write(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        make: Any = Metric
        self._waiting += [make(key, value, int(1000 * time()), step) for key, value in values.items()]
        if len(self._waiting) >= 900:  # a batch has a thousand at most
            self.flush()

    def flush(self) -> None:
        self._client.log_batch(self._run, metrics=self._waiting)
        self._waiting = []

    def close(self, *, finished: bool) -> None:
        self.flush()
        self._client.set_terminated(self._run, "FINISHED" if finished else "KILLED")
