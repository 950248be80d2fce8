"""Findings: what is doubtful in the data. Each file has `find(measurements) -> tuple[Finding, ...]` for one kind.

A file's `RANK` orders findings of the same severity: the lower, the earlier they are shown.
"""

from importlib import import_module, resources
from types import ModuleType


def kinds() -> tuple[ModuleType, ...]:
    """The modules of this package in the order of their `RANK`."""
    names = (f.name[:-3] for f in resources.files(__name__).iterdir() if f.name.endswith(".py"))
    modules = (import_module(f"{__name__}.{name}") for name in names if not name.startswith("_"))
    return tuple(sorted(modules, key=lambda module: int(module.RANK)))
