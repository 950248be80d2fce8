"""Predict over more images than fit in memory, or than one run lives to see: a plan, parts, and each image once.

The plan says once and for all which images there are and which part each is in. A part is a Parquet file that appears
whole or not at all; what is there is never done again. After a stop of any kind the same command does what is missing.
"""
