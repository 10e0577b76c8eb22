"""/es/: a read-only Elasticsearch, as far as its clients, their DSL and curl need one to search models.

Bodies become our own requests by an allow-list (`catalog.dsl.body`); nothing of them, and nothing of the path, reaches
an engine as it came. The same answers come from every engine.
"""

from webui.es.blueprint import es_error, register

__all__ = ["es_error", "register"]
