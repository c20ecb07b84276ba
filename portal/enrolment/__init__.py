"""Second factors: setting them up, naming and removing them."""
