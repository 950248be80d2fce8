"""Interactive segmentation (GrabCut, superpixels, SAM) and active learning."""
