"""A person's address: confirmed, and changed."""
