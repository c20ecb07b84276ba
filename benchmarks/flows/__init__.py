"""Whole sign-ins through real Hydra: the portal beside Ory's reference app."""
