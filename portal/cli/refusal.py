"""How a command says no."""


class Refusal(Exception):  # noqa: N818 - no error of ours
    """A mistake of whoever typed the command, or of the world: one line, with what to do next."""
