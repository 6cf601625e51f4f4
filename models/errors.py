"""What can be wrong with a model on disk."""


class ModelError(Exception):
    """A model is unknown, missing or another one than was meant; one line names file, folders and remedy."""
