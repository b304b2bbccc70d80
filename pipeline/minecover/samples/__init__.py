"""Labelled points: their files, the features under them, and the regions they are of."""
