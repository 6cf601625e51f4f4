"""Pure state machines that turn what a zone held into incidents."""
