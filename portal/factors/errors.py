"""Why a factor was not taken."""


class FactorError(Exception):
    """A factor, or a change to one, that was refused; the message is for the person."""
