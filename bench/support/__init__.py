"""What the measurements share: data sets, draws, options, records, and what is planted."""
