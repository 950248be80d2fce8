"""Readers: one source of images and labels each, to a `Dataset`."""
