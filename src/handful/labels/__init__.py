"""Parts that turn classes into vectors. Each file: `build(task, *, options) -> LabelEmbedding`."""
