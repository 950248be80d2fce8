"""Speed, always as a ratio within one run. Each file defines `run(options)`; `loop.py` is the table `speed-loop`."""
