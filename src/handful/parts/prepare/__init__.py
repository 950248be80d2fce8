"""Parts that make masks or labels. Each: `build(context, *, options) -> (Dataset -> Dataset)`, run inside the split."""
