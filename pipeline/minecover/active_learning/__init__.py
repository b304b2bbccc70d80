"""Points that would teach a model most: uncertain ground, and of it what differs.

Kernels: functions of arrays and tiles. `minecover.label_review` asks them for a survey.
"""
