"""Tables of scores and other counts. Each file defines `run(options)`; `cvs_mnist.py` is the table `cvs-mnist`."""
