"""The login and consent portal to put in front of Ory Hydra and Ory Network."""

__version__ = "0.1.0"
