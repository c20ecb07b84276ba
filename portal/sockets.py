"""What can be known of a socket without waiting."""

import select


def has_something_to_read(fileno: int) -> bool:
    """Whether something has arrived that nobody has read, the other side's farewell included."""
    if not hasattr(select, "poll"):
        return bool(select.select([fileno], [], [], 0)[0])
    poll = select.poll()
    poll.register(fileno, select.POLLIN)
    return bool(poll.poll(0))
