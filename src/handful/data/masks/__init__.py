"""Masks: read from folders and annotation files, attached to samples, checked and compared."""
