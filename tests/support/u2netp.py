"""The weights of U2NetP come with an extra that not every Python can have."""

from importlib.metadata import PackageNotFoundError, distribution

import pytest

from handful.models.u2netp import PACKAGE


def _is_installed() -> bool:
    try:
        return bool(distribution(PACKAGE))
    except PackageNotFoundError:
        return False


needs_u2netp = pytest.mark.skipif(not _is_installed(), reason=f"{PACKAGE} is not installed")
