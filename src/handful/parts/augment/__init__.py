"""Data augmentation of a training batch, images and masks together.

Each file: `build(context, *, options) -> (Batch, torch.Generator) -> Batch`. The function that it returns leaves its
input unchanged, works on the batch's device, and draws from the generator only. A part that combines images has the
trait `mixes_images`; one that removes pixels has the trait `erases_pixels`.

Shapes: n images, k classes, c channels, h and w of images. Images are in [0, 1]; pixel labels are 0 for background, a
class's index + 1, or -1 (ignore).
"""
