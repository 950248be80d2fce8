"""Parts on top of the feature maps.

Each file: `build(context, *, backbone, options) -> torch.nn.Module` whose `forward(maps [n c h' w'], size=(h, w),
compare=LabelEmbedding.logits)` gives an `Output`. `compare` turns embeddings into class scores, the only place
where the kind of label matters.
"""
