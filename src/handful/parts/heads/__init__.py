"""Heads: class scores from the backbone's feature maps.

Each file: `build(context, *, backbone, options) -> torch.nn.Module` whose `forward(maps [n c h' w'], size=(h, w),
compare=...)` gives an `Output`. `compare` turns embeddings [n d] into class scores, the only place where the kind of
label matters; d is `context.labels.size`, so a head's last layer follows the labels, and its first the backbone's
`channels`. A head with the trait `own_classes` has class vectors of its own, and goes with one-hot labels only.

Shapes: n images, k classes, c channels, d numbers of a label's vector, h and w of images, h' and w' of feature maps,
v views of an image, m training images.
"""
