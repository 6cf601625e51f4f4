"""Starts, watches, freezes and kills programs on this machine, for the demo and for the tests."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self, TypeVar

T = TypeVar("T")
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
POLL_S = 0.02


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Tell whether something accepts connections on 127.0.0.1:port."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition: Callable[[], T], what: str, timeout_s: float = START_TIMEOUT_S) -> T:
    """Return the first true answer of the condition; raise TimeoutError naming `what` when none came in time."""
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s:g} s")
        time.sleep(POLL_S)


class ManagedProcess:
    """One program with its log in a file; a context manager that starts it and ends it for certain.

    `command` is the program and its arguments, each written by `str`; `user` is another user to run as, for root only.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[object],
        folder: Path,
        env: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.command = [str(part) for part in command]
        self.folder = folder
        self.env = {**os.environ, **(env or {})}
        self.user = user
        self.log_path = folder / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._log_begin = 0

    def launch(self) -> None:
        """Start the program without waiting for anything; its output is added to the log."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        with self.log_path.open("ab") as log:
            self._log_begin = log.tell()
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
            )

    def ready(self) -> bool:
        """Tell whether the program answers; programs that say more than "I live" override this."""
        return self.running

    def start(self) -> Self:
        """Start the program and wait until it is ready; raise RuntimeError with its log when it ends instead."""
        self.launch()
        try:
            self.wait_for(self.ready, "start")
        except BaseException:
            self.kill()
            raise
        return self

    def wait_for(self, condition: Callable[[], T], what: str, timeout_s: float = START_TIMEOUT_S) -> T:
        """Return the condition's first true answer; raise RuntimeError with the log if the program ends before."""

        def answer_or_death() -> T:
            alive = self.running
            answer = condition()
            if not answer and not alive:
                raise RuntimeError(f"{self.name} ended with {self.returncode} before {what}:\n{self.log()[-4000:]}")
            return answer

        try:
            return wait_until(answer_or_death, f"{self.name}: {what}", timeout_s)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; its log:\n{self.log()[-4000:]}") from error

    def wait_for_log(self, pattern: str, timeout_s: float = START_TIMEOUT_S) -> re.Match[str]:
        """Return the first match of the pattern in the log, waiting for it."""
        self.wait_for(lambda: re.search(pattern, self.log(), re.MULTILINE), f"log {pattern!r}", timeout_s)
        found = re.search(pattern, self.log(), re.MULTILINE)
        if found is None:
            raise RuntimeError(f"the log of {self.name} was cut while it was read")
        return found

    @property
    def running(self) -> bool:
        """Whether the program was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The program's process id; raise RuntimeError when it was never started."""
        if self.process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal, None while the program runs."""
        return None if self.process is None else self.process.poll()

    def log(self) -> str:
        """Return what the program has printed since its last start; `log_path` holds the earlier lives too."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as file:
            file.seek(self._log_begin)
            return file.read().decode("utf-8", errors="replace")

    def kill(self) -> None:
        """End the program and its children at once by SIGKILL, as a power cut would."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(STOP_TIMEOUT_S)

    def interrupt(self) -> None:
        """Ask the program to end as Ctrl-C does, without waiting."""
        os.kill(self.pid, signal.SIGINT)

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> int | None:
        """Ask the program to end by SIGTERM, kill it when it does not in time, and return its exit code."""
        if self.process is not None and self.running:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout_s)
        self.kill()
        return self.returncode

    def freeze(self) -> None:
        """Stop the program in its tracks (SIGSTOP): its connections stay open and say nothing."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen program go on."""
        os.killpg(self.pid, signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.thaw()
        self.stop()
