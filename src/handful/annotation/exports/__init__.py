"""Annotations in other programs' formats. Each file writes one; the readers in `handful.data` read it back.

`write(data, path, root, *, outlines)`: the samples that have a mask, and where labels fit in, the labelled ones too.
"""
