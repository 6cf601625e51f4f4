"""The one place that takes credentials out of text before it may be seen."""

import re

_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


def redact(text: str) -> str:
    """Return `text` with the user info of every address in it replaced by `***`."""
    return _USER_INFO.sub("***@", text)
