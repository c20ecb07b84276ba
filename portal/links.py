"""Links that are mailed: each works once, for a short while, for what it was asked for."""
