"""Weights of red, green and blue in the luma of a pixel."""

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow converts to gray
