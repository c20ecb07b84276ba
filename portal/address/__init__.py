"""A person's e-mail address: confirming it, and moving to another one."""
