"""The embedded engine: Tantivy on disk, one writer process, any number of readers that never lock."""

from indexer.engines.tantivy.engine import TantivyEngine
from indexer.engines.tantivy.writer import TantivyWriter

__all__ = ["TantivyEngine", "TantivyWriter"]
