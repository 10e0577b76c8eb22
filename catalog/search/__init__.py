"""What a search asks, what comes back, and the protocol that every engine keeps."""
