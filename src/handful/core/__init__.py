"""The values that flow between the packages, and adapters that need no other package of handful."""
