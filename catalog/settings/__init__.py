"""Settings in sections that their owner declares, read once at the start and handed down."""

from catalog.settings.loading import FILE_NAME, PREFIX, Settings, load_settings, referred
from catalog.settings.sections import Section, setting

__all__ = ["FILE_NAME", "PREFIX", "Section", "Settings", "load_settings", "referred", "setting"]
