"""Training objectives. Each file: `build(context, *, options) -> (Output, Batch) -> one value per image`.

A loss with parameters of its own is a `torch.nn.Module`: they are trained and saved with the network.
"""
