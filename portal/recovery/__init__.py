"""Getting back in: a new password by a mailed link."""
