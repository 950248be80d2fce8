"""Class vectors from class names: word vectors, sentence encoders, CLIP text encoders, and the user's own vectors.

Shapes: n texts, k classes, d numbers of a vector.
"""

from handful.models.text.class_vectors import ClassVectors, class_vectors
from handful.models.text.text_source import MINILM, TextSource

__all__ = ["MINILM", "ClassVectors", "TextSource", "class_vectors"]
