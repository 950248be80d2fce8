"""Class names to vectors: word-vector files, sentence encoders, and vectors of the user's own."""

from handful.models.text.class_vectors import ClassVectors, class_vectors

__all__ = ["ClassVectors", "class_vectors"]
