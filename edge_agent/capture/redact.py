"""The one place that takes credentials out of text before it may be seen."""

import re

_CAMERA = re.compile(r"""(?i)\b(rtsps?://)(?:[^/@\s'"]*@)?([^/?#\s'"]*)[/?#][^\s'"]*""")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")
_VALUE = re.compile(
    r"""(?ix) \b ([\w-]* (?: user | username | pass\w* | pwd | token | auth | key )) \s*=\s*
    (?: '[^']*' | "[^"]*" | [^&\s'"]+ )"""
)


def redact(text: str) -> str:
    """Return `text` without what may be a secret in it, each replaced by `***`.

    That is path and query of every RTSP address, where many cameras take a password; the user info of every address;
    and what is given as user, pass, pwd, token, auth or key, each also as the end of a longer name.
    """
    text = _CAMERA.sub(r"\1\2/***", text)
    text = _USER_INFO.sub("***@", text)
    return _VALUE.sub(r"\1=***", text)
