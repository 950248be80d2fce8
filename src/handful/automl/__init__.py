"""AutoML: from a folder of images to a classifier, an honest score and a report, within a time budget."""
