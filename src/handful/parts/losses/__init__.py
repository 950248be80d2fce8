"""Loss functions. Each file: `build(context, *, options) -> (Output, Batch) -> one value per image`.

The training loop averages over the batch. A loss with parameters or buffers is a `torch.nn.Module`: they are trained
and kept in checkpoints with the network; a saved model does not have them. An image without a label has a row of zeros
as its target and a loss of 0, unless the loss has the trait `uses_unlabelled`.

A loss may read further views (`output.views`, `batch.views`, trait `needs_views`), the output of the network with
averaged weights (`batch.teacher_output`, trait `needs_teacher`), the position of each image among the training images
(`batch.index`) and the share of the stage that is done (`batch.progress`).

Shapes: n images, k classes, d numbers of an embedding, c features, h and w cells of a map.
"""
