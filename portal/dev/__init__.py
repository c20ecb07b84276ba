"""Tools for development: a stand-in for Ory, and a local OAuth2 client. No code of the portal."""
