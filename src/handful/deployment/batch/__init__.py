"""Batch prediction over an archive of images: a plan, chunks written one by one, and each image exactly once.

The plan lists the images and assigns each to a chunk. A chunk is a Parquet file that is written whole or not at all,
and an existing chunk is never computed again: after any interruption, the same command writes the missing chunks.
"""
