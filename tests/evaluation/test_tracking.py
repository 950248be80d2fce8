from dataclasses import replace
from pathlib import Path

import pytest

from handful.errors import OutputError
from handful.evaluation.tracking import Tracking, track_scores
from tests.support.command_line import fails, files, ok
from tests.support.results import result, run


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard's own reader finds below a folder."""
    event = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found: dict[str, list[tuple[int, float]]] = {}
    for own in folder.iterdir():
        reader = event.EventAccumulator(str(own))
        reader.Reload()
        for tag in reader.Tags()["scalars"]:
            found[f"{own.name[:-24]}: {tag}"] = [(e.step, e.value) for e in reader.Scalars(tag)]
    return found


def test_a_fit_is_followed_in_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    files(tmp_path)
    track = ("--track", "tensorboard", "--track-to", tmp_path / "runs")
    ok("fit", tmp_path / "images", "-r", tmp_path / "linear.toml", "-o", tmp_path / "model", *track)

    found = scalars(tmp_path / "runs")
    loss, rate = (next(v for k, v in found.items() if k.endswith(what)) for what in (": loss", ": learning rate"))
    assert [step for step, _ in loss] == list(range(1, len(loss) + 1))
    assert len(loss) == len(rate) > 1
    assert all(value > 0 for _, value in loss)


def test_scores_of_draws_and_their_mean(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    runs = [run([0, 1, 2, 0], [0, 1, 2, 1], draw=0), run([0, 1, 2, 0], [0, 1, 2, 0], draw=1)]
    track_scores("tensorboard", tmp_path, [result("one", *runs)])

    found = scalars(tmp_path)
    assert found["one: accuracy"] == [(0, 0.75), (1, 1.0)]
    assert found["one: accuracy mean"] == [(0, 0.875)]
    assert found["one: accuracy worst"] == [(0, 0.75)]


def test_scores_of_the_groups_of_a_class_tree(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    runs = [run([0, 1, 2, 0], [1, 1, 2, 2], draw=0), run([0, 1, 2, 0], [0, 1, 2, 0], draw=1)]
    track_scores("tensorboard", tmp_path, [replace(result("one", *runs), levels=(("a", "a", "b"),))])

    found = scalars(tmp_path)
    assert found["one: accuracy"] == [(0, 0.5), (1, 1.0)]
    assert found["one: level 1 accuracy"] == [(0, 0.75), (1, 1.0)]
    assert found["one: level 1 accuracy mean"] == [(0, 0.875)]
    assert found["one: level 1 accuracy worst"] == [(0, 0.75)]


@pytest.mark.slow
def test_mlflow_keeps_a_run_with_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with Tracking("mlflow", tmp_path / "store", "one", {"recipe": "one", "seed": 3}) as tracking:
        for step in range(3):
            tracking.log({"loss": 1 / (step + 1)}, step)
    stopped = Tracking("mlflow", tmp_path / "store", "two", {})
    stopped.log({"loss": 2.0}, 0)
    stopped.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)

    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'store' / 'mlflow.db'}")
    place = client.get_experiment_by_name("handful").experiment_id
    one, two = sorted(client.search_runs([place]), key=lambda r: r.info.run_name)
    assert (one.info.status, two.info.status) == ("FINISHED", "KILLED")
    assert one.data.params == {"recipe": "one", "seed": "3"}
    history = client.get_metric_history(one.info.run_id, "loss")
    assert [(m.step, m.value) for m in history] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert two.data.metrics == {"loss": 2.0}


def test_a_tracker_that_cannot_write_is_an_error_before_training(tmp_path: Path) -> None:
    files(tmp_path)
    (tmp_path / "taken").write_text("a file")
    track = ("--track", "tensorboard", "--track-to", tmp_path / "taken")

    said = fails("fit", tmp_path / "images", "-r", tmp_path / "linear.toml", "-o", tmp_path / "model", *track)

    assert "tensorboard cannot write" in " ".join(said.split())
    assert not (tmp_path / "model").exists()


def test_a_tracker_that_is_missing_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(OutputError, match=r"pip install \"handful\[mlflow\]\""):
        Tracking("mlflow", tmp_path, "one", {})
