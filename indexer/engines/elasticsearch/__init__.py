"""The engine for many machines: a real Elasticsearch, 8.15 or newer, behind the same contract."""

from indexer.engines.elasticsearch.engine import ElasticsearchEngine
from indexer.engines.elasticsearch.writer import ElasticsearchWriter

__all__ = ["ElasticsearchEngine", "ElasticsearchWriter"]
