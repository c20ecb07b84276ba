"""A code that a device shows, typed into a browser (RFC 8628)."""
