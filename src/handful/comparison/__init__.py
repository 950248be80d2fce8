"""Tasks over several recipes: comparison, sweep, automatic choice, tuning."""
