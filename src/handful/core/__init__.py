"""Dataclasses that all packages share, and adapters to files, processes and servers."""
