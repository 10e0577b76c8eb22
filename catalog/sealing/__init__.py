"""Values that not everybody may see: which fields hold them, and the keys under which they are kept at rest."""
