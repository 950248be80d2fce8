"""Trials of the papers at their own rate and size, for a lent graphics card."""
