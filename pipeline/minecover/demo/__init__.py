"""A simulated open-pit mining district: scenes, catalog, samples, truth and survey file.

No such place exists. Relief, land cover, spectra and weather are drawn from a seed with typical
values, so that the whole pipeline can be run, tested and measured without a network.
"""
