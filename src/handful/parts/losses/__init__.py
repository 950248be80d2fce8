"""Loss functions. Each file: `build(context, *, options) -> (Output, Batch) -> one value per image`.

The training loop averages over the batch. A loss with parameters or buffers is a `torch.nn.Module`: they are trained
and saved with the network. An image without a label has a row of zeros as its target and a loss of 0.

Shapes: n images, k classes, d numbers of an embedding, c features, h and w cells of a map.
"""
