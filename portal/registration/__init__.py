"""Getting in: an account of one's own, by registering or by an invitation."""
