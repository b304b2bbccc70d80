"""File catalog: a static STAC catalog of the images that lie in a folder."""
