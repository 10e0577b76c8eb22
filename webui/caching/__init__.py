"""Answers that were made before, kept where every process that serves the catalog finds them. Off without `cache.url`."""
