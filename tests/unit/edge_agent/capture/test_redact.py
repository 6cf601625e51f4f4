"""No credentials in text."""

import threading
import traceback

import av
import pytest
from pydantic import SecretStr

from camera_configs.source import RtspSource
from edge_agent.capture.redact import redact
from edge_agent.capture.source import open_source
from edge_agent.clock import SystemClock
from edge_agent.errors import SourceError
from tests.lab.processes import free_port


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("[Errno 1] x: 'rtsp://admin:s3%2Fc@10.0.0.1:554/a'", "[Errno 1] x: 'rtsp://10.0.0.1:554/***'"),
        ("rtsps://admin@cam/a and http://u:p@h/", "rtsps://cam/*** and http://***@h/"),
        ("rtsp://u:p@10.0.0.1", "rtsp://***@10.0.0.1"),
        ("rtsp://10.0.0.1?token=s3cret", "rtsp://10.0.0.1/***"),
        ("RTSP://10.0.0.1/user=admin&password=s3cret&channel=1 x", "RTSP://10.0.0.1/*** x"),
        ("rtsp://[fe80::1]:554/s3cret", "rtsp://[fe80::1]:554/***"),
        ("/user=admin&password=s3cret&channel=1", "/user=***&password=***&channel=1"),
        ("/user=admin_password=s3cret_channel=1.sdp", "/user=***"),
        ("?UserName=a&PassWord=b&pwd=c&pass=d", "?UserName=***&PassWord=***&pwd=***&pass=***"),
        ("?access_token=a&auth=b&api-key=c&x=1", "?access_token=***&auth=***&api-key=***&x=1"),
        ("password = 's3 cret', user=\"a b\"", "password=***, user=***"),
        ("keyint=5 channel=1 monkeys", "keyint=5 channel=1 monkeys"),
        ("nothing here", "nothing here"),
    ],
)
def test_redact(text: str, safe: str) -> None:
    assert redact(text) == safe


@pytest.mark.parametrize("path", ["user=admin&password=hunter2&channel=1", "a?token=hunter2", "hunter2"])
def test_the_errors_of_ffmpeg_show_no_password_with_all_that_led_to_them(path: str) -> None:
    address = f"rtsp://127.0.0.1:{free_port()}/{path}"
    with pytest.raises(av.FFmpegError) as caught:
        av.open(address, options={"rtsp_transport": "tcp"}, timeout=(2.0, 2.0))
    try:
        raise RuntimeError(f"could not open {address}") from caught.value
    except RuntimeError as error:
        chain = "".join(traceback.format_exception(error))
    assert chain.count("hunter2") == 2
    assert "hunter2" not in redact(chain)
    assert "hunter2" not in redact(repr(caught.value))
    assert "Connection refused" in redact(chain)


@pytest.mark.parametrize("path", ["user=admin&password=hunter2&channel=1", "a?token=hunter2", "hunter2"])
def test_the_errors_of_a_source_show_no_password_and_carry_none_along(path: str) -> None:
    source = RtspSource(url=f"rtsp://127.0.0.1:{free_port()}/{path}", username="admin", password=SecretStr("hunter2"))
    reader = open_source("camera gate", source, SystemClock(), threading.Event().wait)
    with pytest.raises(SourceError, match="refused the connection") as caught, reader:
        pass
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert "hunter2" not in "".join(traceback.format_exception(caught.value)) + repr(reader)
