"""Results as JSON lines under bench/results, each with the commit and the machine it was measured on."""

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from handful.models.device import cpu_multiplies_bfloat16

RESULTS = Path(__file__).parents[1] / "results"


def machine() -> dict[str, Any]:
    """What decides speed here, without a name that would tell whose machine it is."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "cores": os.cpu_count(),
        "cpu_bf16": cpu_multiplies_bfloat16(),
        "gpu": gpu,
        "torch": torch.__version__,
    }


def commit() -> str:
    """The short commit, with `+` when tracked sources differ from it; "unknown" outside a repository."""

    def git(*words: str) -> str:
        found = subprocess.run(("git", *words), cwd=RESULTS.parent, capture_output=True, text=True, check=True)
        return found.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "../src", ".", ":(exclude)results")
        return git("rev-parse", "--short", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def append(table: str, line: dict[str, Any], *, quick: bool = False) -> None:
    """Add one result to `bench/results/TABLE.jsonl`; quick runs leave no trace."""
    if quick:
        return
    RESULTS.mkdir(exist_ok=True)
    now = datetime.now(UTC).strftime("%Y-%m-%d")
    whole = {"table": table, "date": now, "commit": commit(), "machine": machine(), **line}
    with (RESULTS / f"{table}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(whole) + "\n")
