"""Getting back in with a mailbox, where the password is forgotten."""
