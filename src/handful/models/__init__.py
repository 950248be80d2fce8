"""What predicts: networks, classifiers, ensembles, exported graphs, and the encoders they build on."""
