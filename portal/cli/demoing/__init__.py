"""The parts of ``portal demo``: what was asked for, where Ory is, who lives there, how it ends."""
