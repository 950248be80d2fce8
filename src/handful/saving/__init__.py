"""Saving and loading: classifiers, checkpoints of training runs, model cards."""
