"""What a hostile camera says: RTSP answers, SDP and RTP made from a real clip, each spoilt in one way by a seed."""

import base64
import random
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

PICTURES = 15
PIECE = 1400
ENDLESS_BYTES = 24 * 1024 * 1024
FLOOD_PACKETS = 3000
METHODS = ("OPTIONS", "DESCRIBE", "SETUP", "PLAY")
NUMBERS = ("0", "-1", "-2147483649", "65536", "4294967296", "99999999999999999999", "1e9", "", "NaN", "0x7f")
SIZES = ((16384, 16384), (65536, 16), (8192, 8192), (16, 16), (1920, 1088), (16, 65536), (8192, 16), (16, 32768))
Answer = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True, slots=True)
class Clip:
    """The first pictures of an Annex-B H.264 file, each as its NAL units."""

    sps: bytes
    pps: bytes
    pictures: tuple[tuple[bytes, ...], ...]

    @classmethod
    def read(cls, path: Path) -> "Clip":
        """Read a file whose pictures are one slice each."""
        units = [unit.rstrip(b"\0") for unit in re.split(b"\0\0\1", path.read_bytes())[1:]]
        slices = [unit for unit in units if unit[0] & 31 in {1, 5}]
        sps, pps = (next(unit for unit in units if unit[0] & 31 == kind) for kind in (7, 8))
        pictures = tuple((sps, pps, unit) if unit[0] & 31 == 5 else (unit,) for unit in slices[:PICTURES])
        return cls(sps, pps, pictures)


def spoil(chance: random.Random, data: bytes) -> bytes:
    """Change one to eight places: a bit or byte changed, a piece taken out, said twice, or noise put in."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(changed) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(changed):
            changed[at] = chance.choice((0, 10, 13, 32, 34, 61, 127, 255))
        elif kind == 2:
            del changed[at : at + chance.randint(1, 60)]
        elif kind == 3:
            changed[at:at] = changed[at : at + chance.randint(1, 200)]
        else:
            changed[at:at] = chance.randbytes(chance.randint(1, 200))
    return bytes(changed)


def sps_of(width: int, height: int) -> bytes:
    """An H.264 sequence parameter set, baseline, level 6.2, of a size in whole macroblocks; ITU-T H.264 7.3.2.1."""
    bits = ""
    for value in (0, 0, 2, 1, None, width // 16 - 1, height // 16 - 1):
        if value is None:
            bits += "0"
        else:
            code = f"{value + 1:b}"
            bits += "0" * (len(code) - 1) + code
    bits += "11001"
    bits += "0" * (-len(bits) % 8)
    return bytes((0x67, 66, 0, 62)) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def _status_line(chance: random.Random, answer: bytes) -> bytes:
    line = chance.choice(
        (b"", b"RTSP/1.0", b"RTSP/9.9 200 OK", b"RTSP/1.0 -200 OK", b"RTSP/1.0 99999999999 OK", b"HTTP/1.1 200 OK")
        + (b"\0\0\0\0", b"RTSP/1.0 200 " + b"%s%n" * 500, b"RTSP/1.0 100 Continue", b"RTSP/1.0 454 Session Not Found")
        + (b"RTSP/1.0 503 " + b"A" * 100_000, b"200")
    )
    return line + answer[answer.find(b"\r\n") :]


def _headers(chance: random.Random, answer: bytes) -> bytes:
    number = chance.choice(NUMBERS)
    header = chance.choice(
        (f"Content-Length: {number}", f"Transport: RTP/AVP/TCP;interleaved={number}-{number};ssrc=\x7f", "Transport:")
        + (f"Session: {'S' * 5000};timeout={number}", f"CSeq: {number}", f"RTP-Info: {'url=;' * 2000}seq={number}")
        + (f"Range: npt={number}-{number}", "Public: " + "X, " * 20_000, "Content-Base: " + "rtsp://" * 1000)
        + (
            f"Server: {'%n' * 3000}",
            "X" * 1_000_000,
            ": :\0:",
            "Location: file:///etc/passwd",
            "RealChallenge1: " + "a" * 300,
        )
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    kept = [line for line in head.split(b"\r\n") if not line.startswith(header.split(":")[0].encode() or b"\0")]
    return b"\r\n".join([*kept, header.encode("latin-1")]) + b"\r\n\r\n" + body


def _large_body(chance: random.Random, answer: bytes) -> bytes:
    size = chance.choice((1 << 20, 8 << 20, 32 << 20))
    return b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: %d\r\n\r\n" % size + b"a=x\r\n" * (size // 5)


ANSWERS: dict[str, Answer] = {
    "bytes": spoil,
    "status_line": _status_line,
    "headers": _headers,
    "large_body": _large_body,
    "cut_short": lambda chance, answer: answer[: chance.randrange(len(answer))],
    "twice": lambda chance, answer: answer * chance.randint(2, 50),
    "frames_between": lambda chance, answer: b"$\0" + struct.pack(">H", 300) + chance.randbytes(300) + answer,
}


def _sprop(chance: random.Random, sdp: bytes) -> bytes:
    value = chance.choice(
        (b"", b",,,,", b"=" * 999, b"A" * 200_000, base64.b64encode(chance.randbytes(900)), b"Z0IAPg==," * 3000)
    )
    return re.sub(rb"sets=[^;\r]*", lambda _: b"sets=" + value, sdp)


def _absurd(chance: random.Random, sdp: bytes) -> bytes:
    number = chance.choice(NUMBERS).encode()
    line = chance.choice(
        (
            b"m=video " + number + b" RTP/AVP " + number,
            b"a=rtpmap:" + number + b" H264/" + number,
            b"a=framerate:" + number,
        )
        + (b"a=framesize:96 " + number + b"-" + number, b"a=x-dimensions:" + number + b"," + number)
        + (b"a=cliprect:0,0," + number + b"," + number, b"c=IN IP4 " + b"255." * 100, b"a=control:" + b"/.." * 3000)
        + (b"a=fmtp:96 " + b"packetization-mode=1;" * 5000, b"a=fmtp:" + b"(" * 50_000, b"b=AS:" + number)
        + (b"m=audio 0 RTP/AVP 0\r\n" * 300, b"m=video 0 RTP/AVP 96\r\n" * 60, b"a=range:npt=" + number + b"-")
        + (b"a=rtpmap:96 JPEG/90000", b"a=rtpmap:96 H265/90000", b"a=rtpmap:96 MP4V-ES/90000", b"a=rtpmap:96 VP9/90000")
    )
    lines = sdp.split(b"\r\n")
    lines.insert(chance.randrange(len(lines)), line)
    return b"\r\n".join(lines)


SDPS: dict[str, Answer] = {"sdp_bytes": spoil, "sdp_sprop": _sprop, "sdp_absurd": _absurd}


def _nal_units(chance: random.Random, packet: bytes) -> bytes:
    """The same header before an aggregate with wrong lengths, a fragment without its beginning, or an unknown unit."""
    kind = chance.choice((24, 25, 26, 27, 28, 29, 30, 31, 0))
    return packet[:12] + bytes((0x60 | kind, chance.randrange(256))) + chance.randbytes(chance.randrange(PIECE))


PACKETS: dict[str, Answer] = {
    "rtp_bytes": spoil,
    "rtp_payload": lambda chance, packet: packet[:16] + spoil(chance, packet[16:]),
    "rtp_cut": lambda chance, packet: packet[: chance.randrange(len(packet))],
    "rtp_header": lambda chance, packet: chance.randbytes(12) + packet[12:],
    "rtp_nal": _nal_units,
}
# What the media itself does; `huge_sps` says absurd sizes in the SDP, in the stream, or in both.
MEDIA = ("frame_lengths", "rtcp", "endless_picture", "huge_sps", "noise", "flood")
# What takes its time: these hold a connection for seconds.
SLOW = ("drip", "silence", "endless_headers", "redirects")
OTHER = ("challenge", "echo", "noise_first")
# As many bytes changed at random as all of the rest; the slow ones seldom.
KINDS = (
    *(("bytes", "sdp_bytes", "rtp_bytes", "rtp_payload") * 4),
    *((*ANSWERS, *SDPS, *PACKETS, *OTHER, *MEDIA[:-1]) * 2),
    *SLOW,
    MEDIA[-1],
)


@dataclass
class Hostility:
    """One session's way of being hostile: its kind, and its dice."""

    seed: str
    clip: Clip
    kind: str = ""
    chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Throw the dice."""
        self.chance = random.Random(self.seed)  # noqa: S311 - the same seed has to give the same session
        chosen = self.chance.choice(KINDS)
        self.kind = self.kind or chosen
        self.method = self.chance.choice(METHODS)
        self.sps = self.clip.sps
        self.late_sps = self.clip.sps
        if self.kind == "huge_sps":
            huge = sps_of(*self.chance.choice(SIZES))
            self.sps = self.chance.choice((huge, self.clip.sps))
            self.late_sps = self.chance.choice((huge, self.clip.sps)) if self.sps == huge else huge

    def sdp(self) -> bytes:
        """The description of the stream, spoilt where that is this session's kind."""
        sets = b",".join(base64.b64encode(unit) for unit in (self.sps, self.clip.pps))
        sdp = (
            b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\na=control:*\r\n"
            b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
            b"a=fmtp:96 packetization-mode=1;sprop-parameter-sets=" + sets + b"\r\na=control:track1\r\n"
        )
        return SDPS[self.kind](self.chance, sdp) if self.kind in SDPS else sdp

    def answer(self, method: str, cseq: bytes) -> bytes:
        """The answer to a request, spoilt where that is this session's kind and method."""
        body = self.sdp() if method == "DESCRIBE" else b""
        head = [b"RTSP/1.0 200 OK", b"CSeq: " + cseq, b"Session: 1;timeout=60"]
        head += [b"Public: OPTIONS, DESCRIBE, SETUP, PLAY", b"Transport: RTP/AVP/TCP;unicast;interleaved=0-1"]
        head += [b"Content-Type: application/sdp", b"Content-Length: %d" % len(body)] if body else []
        answer = b"\r\n".join(head) + b"\r\n\r\n" + body
        return ANSWERS[self.kind](self.chance, answer) if self.kind in ANSWERS and method == self.method else answer

    def media(self) -> Iterator[bytes]:
        """Interleaved packets of the clip, twice over, spoilt where that is this session's kind."""
        if self.kind == "endless_picture":
            yield from self._endless_picture()
        spoilt, chance = PACKETS.get(self.kind), self.chance
        for right in self._packets():
            packet = right if spoilt is None or chance.random() < 0.7 else spoilt(chance, right)
            length = len(packet)
            if self.kind == "frame_lengths" and chance.random() < 0.2:
                length = chance.choice((0, 1, 3, 12, length + 1, max(0, length - 7), 65535))
            yield framed(packet, length)
            if self.kind == "rtcp":
                yield framed(
                    bytes((0x80 | chance.randrange(32), chance.randrange(192, 224))) + chance.randbytes(40), 42, 1
                )
            if self.kind == "noise":
                yield chance.randbytes(chance.randrange(3000))

    def flood(self) -> Iterator[bytes]:
        """The key frame, then many small pictures, each of its own time."""
        yield from (framed(packet) for packet in islice(self._packets(), 30))
        small = self.clip.pictures[1][0][:100]
        for number in range(FLOOD_PACKETS):
            yield framed(rtp(small, 10_000 + number, 90_000 + 90 * number, last=True))

    def _endless_picture(self) -> Iterator[bytes]:
        middle = b"\x7c\x05" + self.chance.randbytes(PIECE)
        for number in range(ENDLESS_BYTES // PIECE):
            yield framed(rtp(middle, number, 0, last=False))

    def _packets(self) -> Iterator[bytes]:
        sequence = 0
        for number, units in enumerate(islice(cycle(self.clip.pictures), 2 * PICTURES)):
            sps = self.sps if number == 0 else self.late_sps
            for unit in units:
                for payload in fragments(sps if unit == self.clip.sps else unit):
                    yield rtp(payload, sequence, 9000 * number, last=unit is units[-1])
                    sequence += 1


def framed(packet: bytes, length: int | None = None, channel: int = 0) -> bytes:
    """A packet interleaved with RTSP, RFC 2326 10.12, of the length that is claimed."""
    return struct.pack(">cBH", b"$", channel, min(65535, len(packet) if length is None else length)) + packet


def rtp(payload: bytes, sequence: int, timestamp: int, *, last: bool) -> bytes:
    """An RTP packet, RFC 3550 5.1."""
    return struct.pack(">BBHII", 0x80, 96 | last << 7, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7) + payload


def fragments(unit: bytes) -> list[bytes]:
    """The payloads that carry a NAL unit, RFC 6184 5.6 and 5.8."""
    if len(unit) <= PIECE:
        return [unit]
    body, first, kind = unit[1:], unit[0] & 0xE0 | 28, unit[0] & 31
    pieces = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    flags = [0x80, *[0] * (len(pieces) - 2), 0x40]
    return [bytes((first, flag | kind)) + piece for flag, piece in zip(flags, pieces, strict=True)]
