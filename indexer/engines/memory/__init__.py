"""The reference engine: every document in a dict, every answer by looking at all of them."""

from indexer.engines.memory.engine import MemoryEngine, MemoryIndex, MemoryWriter, engine_of

__all__ = ["MemoryEngine", "MemoryIndex", "MemoryWriter", "engine_of"]
