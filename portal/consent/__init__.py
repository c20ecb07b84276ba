"""The question which permissions an app gets."""
