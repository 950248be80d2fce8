"""Data sets: readers, masks, splits, checks, and images as tensors in memory."""
