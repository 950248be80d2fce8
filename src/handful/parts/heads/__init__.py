"""Parts on top of the feature maps.

Each file: `build(context, *, backbone, options) -> torch.nn.Module` whose `forward(maps [n c h' w'], size=(h, w),
compare=...)` gives an `Output`. `compare` turns embeddings [n d] into class scores, the only place where the kind of
label matters; d is `context.labels.size`, so a head's last layer follows the labels, and its first the backbone's
`channels`. A file that says `own_classes = True` has class vectors of its own, and goes with one-hot labels only.
"""
