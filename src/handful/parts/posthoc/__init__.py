"""What happens after training. Each file: `build(context, *, options) -> (classifiers, Dataset) -> Classifier`."""
