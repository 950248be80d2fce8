"""One file per trial: its rows, in the order in which they run."""
