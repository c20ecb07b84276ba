"""What is known about a person, and what of it they may change."""
