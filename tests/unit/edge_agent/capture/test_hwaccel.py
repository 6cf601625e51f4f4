"""Which devices decode, on a box that has none or some."""

import pytest
from av.codec.hwaccel import hwdevices_available

from edge_agent.capture import hwaccel
from edge_agent.capture.decoder import Decoder
from edge_agent.capture.hwaccel import choose_device, working_devices
from edge_agent.capture.meter import Meter
from edge_agent.capture.packets import StreamCodec
from edge_agent.clock import SystemClock


def test_without_hardware_the_box_decodes_in_software_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    assert choose_device("rkmpp") is None
    assert "hwaccel 'rkmpp' does not work here" in caplog.text


def test_none_asks_no_device(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hwaccel, "working_devices", lambda: pytest.fail("a device was tried"))
    assert choose_device("none") is None
    assert caplog.text == ""


def test_auto_takes_a_device_that_works_or_none() -> None:
    working = working_devices()
    assert set(working) <= set(hwdevices_available())
    assert choose_device("auto") == next(iter(working), None)
    for kind in working:
        assert choose_device(kind) == kind


@pytest.mark.parametrize("kind", [*hwdevices_available(), "rkmpp"])
def test_a_decoder_is_made_whatever_the_device_does(kind: str) -> None:
    decoder = Decoder(StreamCodec("h264", None, 64, 48), kind, Meter(), SystemClock())
    assert decoder.device in {kind, None}
    assert decoder.name == "h264"
