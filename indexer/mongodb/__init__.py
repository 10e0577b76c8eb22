"""MongoDB beside the catalog: a collection that is kept as the catalog is, and one that says more of its models."""
