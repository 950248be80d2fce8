"""Feature extractors. Each file: `build(context, *, options) -> Backbone`."""
