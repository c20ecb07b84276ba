"""Where somebody is signed in: the portal's own sessions, and Ory's as recorded here."""
