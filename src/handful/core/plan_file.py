"""The plan of a run, stored in its folder: the same run is resumed, another one is refused."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handful.core.files import existing, is_clutter, refuse_foreign, write_atomically
from handful.core.parsing import read_json

PLAN = "plan.json"


def claim_folder(folder: Path, plan: dict[str, Any], *, ours: Sequence[str], overwrite: bool) -> None:
    """Write the plan into its folder. Files of the same plan are kept, those of another one deleted if `overwrite`.

    A plan alone is of a run that ended before it had computed anything, and is replaced.

    Args:
        folder: it need not exist.
        plan: what two runs must have in common to be the same one.
        ours: the entries that may be in the folder, the plan's among them.
        overwrite: delete the files of another plan.

    Raises:
        OutputError: the folder holds something else.
    """
    path = folder / PLAN
    refuse_foreign(folder, ours=ours)
    entries = [e for e in sorted(folder.iterdir()) if not is_clutter(e)] if folder.exists() else []
    before = None
    if path.exists():
        try:
            before = read_json(path)
        except ValueError:
            before = {}
    if before == plan:
        return
    if entries not in ([], [path]) and not overwrite:
        previous = before if isinstance(before, dict) else {}
        raise existing(folder, differs=[key for key in plan if previous.get(key) != plan[key]])
    for entry in entries:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    with write_atomically(path) as draft:
        draft.write_text(json.dumps(plan, indent=1), encoding="utf-8")
