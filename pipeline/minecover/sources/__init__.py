"""Sources: from the catalog's items to arrays on a tile."""
