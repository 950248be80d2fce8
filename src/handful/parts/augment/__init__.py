"""Parts that change a training batch, image and mask together.

Each file: `build(context, *, options) -> (Batch, torch.Generator) -> Batch`; pure, on the batch's device.
A part whose output mixes images says `mixes_images = True`.
"""
