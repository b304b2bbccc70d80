"""Scaling experiments and what they found: measured on one machine, simulated beyond it."""
