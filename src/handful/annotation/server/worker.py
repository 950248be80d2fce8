"""Entry point of the background processes: features, scores of class names, proposed masks, training, cross-validation.

`python -m handful.annotation.server.worker` reads one JSON line from standard input, writes JSON lines to standard
output, and ends when standard input ends: a server that was killed leaves no training behind. The matcher stays, and
reads one further line for each match.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, NoReturn

from handful.core.processes import exit_with_parent
from handful.errors import HandfulError

if TYPE_CHECKING:
    from handful.annotation.cell_vectors import CellVectors
    from handful.annotation.files.project import Project

Report = Callable[[dict[str, Any]], None]


def main() -> None:
    """Run the request on standard input."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes to standard error
    request = json.loads(sys.stdin.readline())
    requests: SimpleQueue[str] = SimpleQueue()

    def take() -> None:
        for line in sys.stdin:
            requests.put(line)

    exit_with_parent(take)

    def report(event: dict[str, Any]) -> None:
        print(json.dumps(event, ensure_ascii=False), file=out, flush=True)

    try:
        if request["work"] == "matcher":
            stay_and_match(request, report, requests)
        works = {
            "features": compute_features,
            "names": score_class_names,
            "train": run_training,
            "match": run_matching,
            "salient": run_salient,
        }
        works[request["work"]](request, report)
    except HandfulError as error:
        report({"error": str(error)})
        raise SystemExit(2) from None


def _project(request: dict[str, Any]) -> "Project":
    from handful.annotation.files.project import open_project

    names = ("columns", "multilabel", "unlisted")
    return open_project(request["source"], folder=Path(request["folder"]), **{n: request.get(n) for n in names})


def compute_features(request: dict[str, Any], report: Report) -> None:
    """Features of every image by a frozen backbone, kept in the annotation folder for the next start."""
    import numpy as np

    from handful.annotation.files.feature_file import FeatureFile
    from handful.annotation.files.project import image_path
    from handful.data.images import read_image
    from handful.training.image_features import features

    project = _project(request)
    backbone = request.get("backbone")
    cache = FeatureFile(project.folder, backbone)
    files = {s.id: image_path(project, s) for s in project.data.samples}
    missing = cache.missing(files)
    report({"stage": "features", "done": len(files) - len(missing), "of": len(files)})
    readable = []

    def images() -> Any:
        for name in missing:
            try:
                image = read_image(files[name])
            except HandfulError:
                continue  # the page reports it when it opens this image
            readable.append(name)
            yield image

    done = 0
    for batch in features(images(), device="cpu", backbone=backbone):
        names = readable[done : done + len(batch)]
        done += len(batch)
        cache.add({name: files[name] for name in names}, np.asarray(batch))
        report({"stage": "features", "done": len(files) - len(missing) + done, "of": len(files)})
    report({"finished": {"images": len(files)}})


def score_class_names(request: dict[str, Any], report: Report) -> None:
    """Zero-shot scores of the class names for the images whose features are there, kept in the annotation folder."""
    import numpy as np

    from handful.annotation.files.feature_file import FeatureFile
    from handful.annotation.files.name_scores import write_name_scores
    from handful.annotation.name_scores import score_names

    folder, backbone = Path(request["folder"]), request.get("backbone")
    rows = FeatureFile(folder, backbone).rows
    features = np.stack(list(rows.values())) if rows else np.zeros((0, 0), np.float32)
    scores = score_names(request["classes"], list(rows), features, backbone=backbone, seed=request["seed"])
    write_name_scores(folder, scores, backbone)
    report({"finished": {"p_value": scores.p_value}})


def run_training(request: dict[str, Any], report: Report) -> None:
    """Train on the existing masks, propose masks for the other images, then compute the score."""
    from handful.annotation.files.annotations import read_record
    from handful.annotation.training import train_and_score
    from handful.recipes.load import load_recipe

    project = _project(request)
    recipe = load_recipe(request["recipe"], overrides=request["overrides"])
    result = train_and_score(
        project,
        read_record(project.folder, project.data.ids),
        recipe,
        draws=request["draws"],
        folds=request["folds"],
        seed=request["seed"],
        device=request["device"],
        report=report,
    )
    report({"finished": result})


def run_matching(request: dict[str, Any], report: Report) -> None:
    """Propose masks for the other images by matching them to the drawn ones."""
    from handful.annotation.files.annotations import read_record
    from handful.annotation.matching import match_and_propose

    project = _project(request)
    record = read_record(project.folder, project.data.ids)
    report({"finished": match_and_propose(project, record, seed=request["seed"], report=report)})


def run_salient(request: dict[str, Any], report: Report) -> None:
    """Propose masks of salient objects for the images without a mask."""
    from handful.annotation.files.annotations import read_record
    from handful.annotation.salient import propose_salient

    project = _project(request)
    record = read_record(project.folder, project.data.ids)
    report({"finished": propose_salient(project, record, seed=request["seed"], report=report)})


def stay_and_match(request: dict[str, Any], report: Report, requests: "SimpleQueue[str]") -> NoReturn:
    """Compute the vectors of all images, then match at each request, until standard input ends.

    Each request is answered early, by the image that the page shows and a few more, also while vectors are computed.
    """
    from handful.annotation.files.annotations import read_record
    from handful.annotation.matching import compute_vectors, match_ahead, match_and_propose

    project = _project(request)
    latest: dict[str, Any] | None = None

    def answer_early(vectors: "CellVectors", *, wait: bool = False) -> None:
        nonlocal latest
        if requests.empty() and not wait:
            return
        latest = _newest(requests)
        record = read_record(project.folder, project.data.ids)
        with suppress(HandfulError):  # the whole match says what is wrong
            if match_ahead(project, record, vectors, first=latest.get("first"), seed=request["seed"]):
                report({"answer": {"early": True}})

    vectors = compute_vectors(project, report, between=answer_early)
    while True:
        answer_early(vectors, wait=latest is None)
        assert latest is not None
        number, latest = latest["match"], None
        try:
            record = read_record(project.folder, project.data.ids)
            result = match_and_propose(project, record, seed=request["seed"], report=report, vectors=vectors)
        except HandfulError as error:
            result = {"failed": str(error)}
        report({"answer": {**result, "number": number}})


def _newest(requests: "SimpleQueue[str]") -> dict[str, Any]:
    """The last of the waiting requests, or the next one."""
    line = requests.get()
    while not requests.empty():
        line = requests.get()
    found: dict[str, Any] = json.loads(line)
    return found


if __name__ == "__main__":
    main()
