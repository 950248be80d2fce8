"""A classifier as a folder: saved and loaded, its checkpoints, its card."""
