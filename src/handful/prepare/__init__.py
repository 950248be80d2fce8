"""Parts that make masks. Each file: `build(context, *, options) -> (Dataset -> Dataset)`, run inside the split."""
