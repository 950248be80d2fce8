"""What an annotation project keeps on disk: masks as PNG files, everything else as lines of a journal."""
