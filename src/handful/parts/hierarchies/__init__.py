"""Class hierarchies. Each file: `build(context, *, options) -> Hierarchy`, a tree whose leaves are the classes.

The tree is built once, before the network and the losses that use it; a saved classifier does not need it.

Shapes: k classes, d numbers of a class vector, c features.
"""
