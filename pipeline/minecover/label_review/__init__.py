"""A survey's labels looked at again, and the points that are worth labelling next.

Both go out as files of points to label, which teach the model and measure nothing: points that
measure accuracy are drawn by `minecover.area_estimation`.
"""
