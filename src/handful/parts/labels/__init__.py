"""Parts that turn classes into vectors. Each file: `build(context, *, options) -> LabelEmbedding`.

A head's embedding gets the vectors' length, whatever it is, and is compared with them in one place
(`classifier.Comparison`).
"""
