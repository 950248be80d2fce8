"""Measurements of handful, repeatable with `python -m bench TABLE`: accuracy tables and speed ratios.

A table is a file in this folder that defines `run(options) -> None`: the folder is the registry.
"""
