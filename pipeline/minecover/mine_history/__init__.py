"""Mines as objects in time: which patch of a period is which mine, and what became of it."""
