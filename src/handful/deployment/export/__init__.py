"""Export a trained classifier as one file: ONNX, a PyTorch program, or an HTML page that runs the model."""
