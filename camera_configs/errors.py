"""What can be wrong with a camera configuration."""


class ConfigError(Exception):
    """A configuration document that cannot be used; the text names file, field, value and remedy."""
