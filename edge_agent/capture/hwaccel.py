"""Which hardware decodes video on this box, found out once at the start."""

import logging

import av
from av.codec.codec import Codec
from av.codec.context import CodecContext
from av.codec.hwaccel import HWAccel, hwdevices_available
from av.video.codeccontext import VideoCodecContext

# The codec that nearly every camera speaks; a device that cannot decode it is of no use.
TRIED_CODEC = "h264"

_logger = logging.getLogger(__name__)


def choose_device(setting: str) -> str | None:
    """Return the kind of device to decode with, or None for software.

    setting: `none`, `auto` for the first kind that works, or one of FFmpeg's kinds such as `vaapi`, `cuda` or `qsv`. A
    kind that does not work here is told in the log and gives None: a box without its device still sees.
    """
    if setting == "none":
        return None
    working = working_devices()
    if setting == "auto":
        return next(iter(working), None)
    if setting in working:
        return setting
    _logger.warning(
        "hwaccel %r does not work here (these do: %s); video is decoded in software; check driver and permissions",
        setting,
        ", ".join(working) or "none",
    )
    return None


def working_devices() -> tuple[str, ...]:
    """The kinds of device that FFmpeg knows of and that can be opened here for H.264."""
    return tuple(kind for kind in hwdevices_available() if open_hardware(TRIED_CODEC, kind) is not None)


def open_hardware(codec: str, kind: str) -> VideoCodecContext | None:
    """Return a decoder of FFmpeg's `codec` on a device of that kind, or None where there is none for it.

    It falls back to software by itself for a stream that the device does not take.
    """
    try:
        context = CodecContext.create(codec, "r", hwaccel=HWAccel(kind, allow_software_fallback=True))
    # Measured: without a device, cuda raises PermissionError; qsv and drm give a decoder that is not accelerated.
    except (av.FFmpegError, OSError):
        return None
    return context if isinstance(context, VideoCodecContext) and context.is_hwaccel else None


def runs_on(context: VideoCodecContext, kind: str) -> bool:
    """Tell whether a decoder that was opened for that kind of device uses it for the stream at hand."""
    formats = {
        config.format.name
        for config in Codec(context.name, "r").hardware_configs or ()
        if config.format is not None and config.device_type.name == kind
    }
    return context.pix_fmt in formats
