"""A trained classifier as one file that runs without PyTorch, or as a PyTorch program without handful."""
