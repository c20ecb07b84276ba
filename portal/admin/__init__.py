"""Pages for users with the admin role."""
