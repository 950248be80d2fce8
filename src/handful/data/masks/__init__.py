"""Masks: readers of folders and annotation files, matching to images, checks and agreement."""
