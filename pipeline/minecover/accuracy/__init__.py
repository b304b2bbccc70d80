"""Accuracy: estimates and their intervals, folds by spatial blocks, leakage, sampling design."""
