"""Commit and package versions, which logs and reports name so that a score can be repeated."""

import subprocess
import sys
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGES = ("handful", "torch", "torchvision", "timm", "numpy", "scikit-learn")


@cache
def commit() -> str:
    """Commit of the source this runs from, with "+changes" where it was edited; else the package version."""
    here = Path(__file__).resolve()

    def git(*words: str) -> str | None:
        command = ["git", "-C", str(here.parent), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    head = git("rev-parse", "--short=12", "HEAD")
    if head is None or git("ls-files", "--error-unmatch", here.name) is None:
        return versions()["handful"]
    return head + ("+changes" if git("status", "--porcelain", "--untracked-files=no", "--", ".") else "")


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a score depends on."""
    packages = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            packages[name] = "unknown"
    return packages
