"""What a survey publishes: COGs, mines as polygons, a STAC item and a report."""
