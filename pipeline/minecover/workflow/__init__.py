"""How stages are run, whatever they do: in order, tile by tile, by several processes."""
