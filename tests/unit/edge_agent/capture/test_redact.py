"""No credentials in text."""

import pytest

from edge_agent.capture.redact import redact


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("[Errno 1] x: 'rtsp://admin:s3%2Fc@10.0.0.1:554/a'", "[Errno 1] x: 'rtsp://***@10.0.0.1:554/a'"),
        ("rtsps://admin@cam/a and http://u:p@h/", "rtsps://***@cam/a and http://***@h/"),
        ("rtsp://10.0.0.1/a?mail=x@y", "rtsp://10.0.0.1/a?mail=x@y"),
        ("nothing here", "nothing here"),
    ],
)
def test_redact(text: str, safe: str) -> None:
    assert redact(text) == safe
