"""Shared code of the tables: data sets, draws, options, records, and planted faults."""
