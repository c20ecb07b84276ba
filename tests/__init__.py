"""A package, because a package that the tests need brings another one called ``tests``."""
