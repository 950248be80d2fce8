"""Annotation in the browser (`handful annotate`): draw masks, propagate them, correct and train.

All state is in files: masks are PNGs in a folder that mirrors the images, everything else is in a journal of JSON
lines. A stroke is on disk before the page calls it saved.
"""
