"""Check jaxtyping shapes while tests run, and keep torch to one thread: two cores are shared."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from jaxtyping import install_import_hook

import tests.checking  # noqa: F401  the hook finds the checker by name, in a module that is loaded

hook = install_import_hook("handful", "tests.checking.checked")
