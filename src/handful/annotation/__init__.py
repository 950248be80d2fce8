"""Draw, propagate, correct and train in the browser: the files, the server and the page of `handful annotate`.

Below the page everything is files: masks are PNGs in a folder that mirrors the images, all else is lines of a
journal. What one stroke changed is on the disk before it is called saved.
"""
