"""Parts that make masks, or labels. Each file: `build(context, *, options) -> (Dataset -> Dataset)`, run inside the split."""
