"""The language that this browser's pages speak."""
