"""Labelling projects: points shown one at a time, answers on disk, labellers compared."""
