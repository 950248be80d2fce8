"""Vectors in the place of a text encoder's: random ones for ImageNet's classes, near two of these for the names."""

import numpy as np
import pytest

from handful.models import zero_shot
from handful.models.text import ClassVectors

SIZE = 16


def fake_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encode nothing: the class names' vectors are those of ImageNet's classes 0, 1, 2, ..., somewhat changed."""
    vectors = np.random.default_rng(0).standard_normal((1000, SIZE)).astype(np.float32)

    def of_names(names: tuple[str, ...], text: object) -> ClassVectors:
        return ClassVectors(vectors[: len(names)] + 0.1 * vectors[-len(names) :], tuple(names))

    monkeypatch.setattr(zero_shot, "imagenet_vectors", lambda: vectors)
    monkeypatch.setattr(zero_shot, "class_vectors", of_names)
