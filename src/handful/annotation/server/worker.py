"""What the page starts in a process of its own: features of all images, or a training with its honest score.

`python -m handful.annotation.server.worker` reads one JSON line from standard input, writes JSON lines to standard
output, and ends when standard input ends: a server that was killed leaves no training behind.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handful.errors import HandfulError

Say = Callable[[dict[str, Any]], None]


def main() -> None:
    """Do the work that standard input asks for."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed goes to standard error
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_follow_parent, daemon=True).start()

    def say(event: dict[str, Any]) -> None:
        print(json.dumps(event, ensure_ascii=False), file=out, flush=True)

    try:
        {"features": find_features, "train": run_training}[request["work"]](request, say)
    except HandfulError as error:
        say({"error": str(error)})
        raise SystemExit(2) from None


def _follow_parent() -> None:
    while sys.stdin.readline():
        pass
    os._exit(1)


def find_features(request: dict[str, Any], say: Say) -> None:
    """Features of every image by the embedded frozen backbone, kept in the annotation folder for the next start."""
    import numpy as np

    from handful.annotation.files.feature_file import FeatureFile
    from handful.annotation.files.project import image_path, open_project
    from handful.data.images import read_image
    from handful.training.image_features import features

    project = open_project(request["source"], folder=Path(request["folder"]), columns=request.get("columns"))
    kept = FeatureFile(project.folder)
    files = {s.id: image_path(project, s) for s in project.data.samples}
    missing = kept.missing(files)
    say({"stage": "features", "done": len(files) - len(missing), "of": len(files)})
    readable = []

    def images() -> Any:
        for name in missing:
            try:
                image = read_image(files[name])
            except HandfulError:
                continue  # the page says so when it comes to this image
            readable.append(name)
            yield image

    done = 0
    for part in features(images(), device="cpu"):
        names = readable[done : done + len(part)]
        done += len(part)
        kept.add({name: files[name] for name in names}, np.asarray(part))
        say({"stage": "features", "done": len(files) - len(missing) + done, "of": len(files)})
    say({"finished": {"images": len(files)}})


def run_training(request: dict[str, Any], say: Say) -> None:
    """Train on the masks there are, propose the others, then score."""
    from handful.annotation.files.annotations import read_record
    from handful.annotation.files.project import open_project
    from handful.annotation.training import train_and_score
    from handful.recipes.load import load_recipe

    project = open_project(request["source"], folder=Path(request["folder"]), columns=request.get("columns"))
    recipe = load_recipe(request["recipe"], overrides=request["overrides"])
    found = train_and_score(
        project,
        read_record(project.folder, project.data.ids),
        recipe,
        draws=request["draws"],
        folds=request["folds"],
        seed=request["seed"],
        device=request["device"],
        say=say,
    )
    say({"finished": found})


if __name__ == "__main__":
    main()
