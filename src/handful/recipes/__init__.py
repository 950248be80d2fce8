"""The recipe language: plain TOML values that decide a training run. `builtin` has one file per published method."""
