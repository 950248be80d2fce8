"""Processing after training: calibration, test-time augmentation, ensembles, other classifiers.

Each file: `build(context, *, options) -> ((classifiers, Dataset) -> Classifier)`. The data are the training split.

Shapes: n images, m held-out images, k classes, c features, h and w of images.
"""
