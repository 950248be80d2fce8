"""Preparation of the training split: masks, or labels, for samples without.

Each file: `build(context, *, options) -> (Dataset -> Dataset)`. It sees the training split only.

Shapes: n samples, k classes, h and w of images and masks.
"""
