"""Signing out of everything that Ory keeps, or of the portal."""
