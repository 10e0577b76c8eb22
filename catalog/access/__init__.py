"""Who may see what of the catalog, and the one door through which it is read."""
