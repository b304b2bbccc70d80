"""Mines against a register: licences, protected areas, counties, and what calls for a look."""
