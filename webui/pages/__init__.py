"""What each page shows, as frozen dataclasses that HTML and JSON share. Templates show; everything is computed here."""
