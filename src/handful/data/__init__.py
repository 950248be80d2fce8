"""Data in: readers, masks, splits, checks, and images held in memory. Everything below the parts."""
