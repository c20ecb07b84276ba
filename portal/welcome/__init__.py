"""The page at the portal's root."""
