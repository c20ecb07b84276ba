"""Signing in: to an app on Ory's behalf, or to the portal itself."""
