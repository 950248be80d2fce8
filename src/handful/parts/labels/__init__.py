"""Class vectors (label embeddings). Each file: `build(context, *, options) -> LabelEmbedding`.

The embedding of a head has the length of the class vectors and is compared with them in one place,
`models.network.ClassSimilarity`.

Shapes: n images, k classes, d numbers of a class vector.
"""
