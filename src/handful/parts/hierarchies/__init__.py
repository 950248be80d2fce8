"""Parts that arrange the classes in a tree. Each file: `build(context, *, options) -> Hierarchy`.

A tree is built once, before the network and the losses that read it; a saved classifier does not need it.
"""
