"""Everything a recipe can name, found by file name: the part KEY/NAME of a recipe is `parts/KEY/NAME.py`."""
