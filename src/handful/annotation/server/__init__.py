"""The annotation server: its routes, sessions, background training and limits."""
