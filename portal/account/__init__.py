"""A person's own pages: connected apps."""
