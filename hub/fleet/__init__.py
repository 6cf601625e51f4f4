"""Fleet: which boxes and cameras there are, and whether they live."""
