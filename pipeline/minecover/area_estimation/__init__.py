"""Areas with confidence intervals from a sample of labelled points on the map."""
