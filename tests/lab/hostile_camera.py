"""An RTSP server that means harm: every session is hostile in one way, told by its path as a seed or by `--kind`.

Prints `READY <port>` once it listens. Example: python -m tests.lab.hostile_camera --port 0 CLIP.h264
"""

import argparse
import asyncio
import base64
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.lab.hostile_answers import KINDS, Clip, Hostility
from tests.lab.peers import ROOT
from tests.lab.processes import ManagedProcess, free_port, listens

# How long a slow kind holds on when the other side does not let go.
HOLD_S = 8.0
# Who says nothing more after an answer that was cut short is waiting for its rest, and shall not wait for long.
NEXT_S = 1.0
BATCH = 32
HEADER = b"X-%d: " + b"y" * 200 + b"\r\n"
CHALLENGES = (
    b'Basic realm="x"',
    b'Digest realm="x", nonce="1"',
    b'Digest realm="' + b"r" * 5000 + b'", nonce="' + b"n" * 5000 + b'", algorithm="MD5-sess", qop="auth,auth-int"',
    b'Digest realm=, nonce="\0", stale=true',
    b"Negotiate " + b"A" * 3000,
    b"",
)


class HostileCamera(ManagedProcess):
    """The server as a process of its own, so that its floods cost the test nothing but the machine's time."""

    def __init__(self, folder: Path, clip: Path, port: int | None = None, kind: str | None = None) -> None:
        self.port = port or free_port()
        words = ["--kind", kind] if kind else []
        command = [sys.executable, "-m", "tests.lab.hostile_camera", "--port", self.port, *words, clip]
        super().__init__(f"hostile_camera_{self.port}", command, folder, {"PYTHONPATH": str(ROOT)})

    def ready(self) -> bool:
        """Tell whether the server accepts connections."""
        return listens(self.port)


class Session:
    """One connection: requests are read and answered as its hostility says, then media are sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clip: Clip, kind: str) -> None:
        self.reader = reader
        self.writer = writer
        self.clip = clip
        self.kind = kind

    async def run(self) -> None:
        """Serve until the media are sent or the other side goes."""
        hostile: Hostility | None = None
        while True:
            request = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), NEXT_S)
            method, url = (request.split(b" ") + [b""])[:2]
            if hostile is None:
                seed = re.sub(rb"^rtsp://[^/]*/", b"", url).decode("latin-1")
                hostile = Hostility(seed.split("/")[0], self.clip, self.kind)
            cseq = re.search(rb"CSeq: *(\d+)", request)
            await self._answer(hostile, method.decode("latin-1"), cseq[1] if cseq else b"1", request)
            if method == b"PLAY":
                await self._play(hostile)
                return

    async def _answer(self, hostile: Hostility, method: str, cseq: bytes, request: bytes) -> None:
        if hostile.kind in SLOW_ANSWERS and method == hostile.method:
            await SLOW_ANSWERS[hostile.kind](self, hostile, cseq)
            return
        refusal = self._refusal(hostile, cseq, request)
        if hostile.kind == "noise_first":
            await self._send(hostile.chance.randbytes(hostile.chance.randrange(1, 200_000)))
            raise ConnectionError
        await self._send(refusal or hostile.answer(method, cseq))

    @staticmethod
    def _refusal(hostile: Hostility, cseq: bytes, request: bytes) -> bytes | None:
        """A 401, spoilt; or, to one who has told his password, an answer that says it again everywhere."""
        given = re.search(rb"Authorization: Basic ([\w+/=]+)", request)
        if hostile.kind == "echo" and given:
            told = base64.b64decode(given[1])
            return b"RTSP/1.0 500 rtsp://%s@10.0.0.1/ %s\r\nCSeq: %s\r\nServer: %s\r\n\r\n" % (
                told,
                given[1],
                cseq,
                told,
            )
        if hostile.kind == "echo" or (hostile.kind == "challenge" and b"Authorization" not in request):
            challenge = CHALLENGES[0] if hostile.kind == "echo" else hostile.chance.choice(CHALLENGES)
            return b"RTSP/1.0 401 Unauthorized\r\nCSeq: %s\r\nWWW-Authenticate: %s\r\n\r\n" % (cseq, challenge)
        return None

    async def _play(self, hostile: Hostility) -> None:
        if hostile.kind == "flood":
            for packets in batches(hostile.flood()):
                await self._send(packets)
                await asyncio.sleep(BATCH / 1000)
        else:
            for packets in batches(hostile.media()):
                await self._send(packets)

    async def drip(self, hostile: Hostility, cseq: bytes) -> None:
        """The right answer, one byte a second."""
        for byte in hostile.answer(hostile.method, cseq)[: round(HOLD_S)]:
            await self._send(bytes((byte,)))
            await asyncio.sleep(1.0)

    async def silence(self, _hostile: Hostility, _cseq: bytes) -> None:
        """Nothing, and the connection stays open."""
        await asyncio.sleep(HOLD_S)

    async def endless_headers(self, _hostile: Hostility, cseq: bytes) -> None:
        """An answer whose headers have no end."""
        await self._send(b"RTSP/1.0 200 OK\r\nCSeq: " + cseq + b"\r\n")
        end_s = asyncio.get_running_loop().time() + HOLD_S
        while asyncio.get_running_loop().time() < end_s:
            await self._send(b"".join(HEADER % number for number in range(BATCH)))
            await asyncio.sleep(0.005)

    async def redirects(self, _hostile: Hostility, cseq: bytes) -> None:
        """Back to itself, without end."""
        port = self.writer.get_extra_info("sockname")[1]
        await self._send(
            b"RTSP/1.0 302 Moved\r\nCSeq: %s\r\nLocation: rtsp://127.0.0.1:%d/redirects\r\n\r\n" % (cseq, port)
        )

    async def _send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


SLOW_ANSWERS = {
    "drip": Session.drip,
    "silence": Session.silence,
    "endless_headers": Session.endless_headers,
    "redirects": Session.redirects,
}


def batches(packets: Iterator[bytes]) -> Iterator[bytes]:
    """Several packets at a time, as one piece."""
    kept: list[bytes] = []
    for packet in packets:
        kept.append(packet)
        if len(kept) == BATCH:
            yield b"".join(kept)
            kept.clear()
    yield b"".join(kept)


async def serve(port: int, clip: Clip, kind: str) -> None:
    """Serve on 127.0.0.1 until the process is ended."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await Session(reader, writer, clip, kind).run()
        # The other side gave up, closed, or said what is no request: all are right to do so.
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, backlog=500)
    print(f"READY {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--kind", choices=sorted(set(KINDS)), default="", help="hostile in this way only")
    parser.add_argument("clip", type=Path, help="an Annex-B H.264 file")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, Clip.read(arguments.clip), arguments.kind))


if __name__ == "__main__":
    main()
