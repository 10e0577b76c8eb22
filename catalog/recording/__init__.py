"""The one place that makes the new state of a model, from its files and from what persons say of it.

Crawls bring fresh groups of files (`recorder`); everything else makes a record again from what the store has (`remake`),
at the cost of that model alone.
"""
