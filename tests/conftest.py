"""Check jaxtyping shapes while tests run, and keep torch to one thread: two cores are shared."""

import os
import random

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HANDFUL_CACHE"] = "off"  # tests of the feature cache switch it on, in a folder of their own

import pytest
from jaxtyping import install_import_hook

import tests.support.shape_checks  # noqa: F401  the hook finds the checker by name, in a module that is loaded

hook = install_import_hook("handful", "tests.support.shape_checks.checked")


@pytest.fixture(autouse=True)
def _same_items_checked() -> None:
    """beartype checks one random item of each sequence: seeded, a test ends the same way every time."""
    random.seed(0)
