"""The real peers of the tests: mosquitto, a PostgreSQL cluster and an RTSP camera."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psycopg

from tests.lab.processes import ManagedProcess, PeerMissingError, find_program, free_port, listens

ROOT = Path(__file__).resolve().parents[2]
CAMERA = ROOT / "scripts" / "rtsp_camera.py"
SYSTEM_PYTHON = Path("/usr/bin/python3")
OPEN_BROKER = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 0
"""


class Mosquitto(ManagedProcess):
    """A mosquitto broker; `config` is its configuration, in which `{port}` and `{folder}` are filled in."""

    def __init__(self, folder: Path, config: str = OPEN_BROKER, port: int | None = None) -> None:
        self.port = port or free_port()
        path = folder / f"mosquitto-{self.port}.conf"
        text = config.replace("{port}", str(self.port)).replace("{folder}", str(folder))
        # Started by root, mosquitto becomes the user mosquitto, who cannot read the test's folder.
        path.write_text(("user root\n" if os.geteuid() == 0 else "") + text, encoding="utf-8")
        super().__init__("mosquitto", [find_program("mosquitto", "mosquitto"), "-c", path, "-v"], folder)

    def ready(self) -> bool:
        """Tell whether the broker accepts connections."""
        return listens(self.port)


class Postgres(ManagedProcess):
    """A PostgreSQL cluster of its own folder and port, without passwords, for the user postgres only on 127.0.0.1.

    `durable` has it write through to the disk, which tests that pull no plug need not wait for.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self.port = free_port()
        folder = Path(tempfile.mkdtemp(prefix="tianrui-postgres-"))
        data = folder / "data"
        # The server refuses to run as root; anybody else runs it under the own name.
        user = "postgres" if os.geteuid() == 0 else None
        self._owner = user
        self.own(folder)
        installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        initdb = find_program("initdb", "postgresql", *reversed(installed))
        server = find_program("postgres", "postgresql", *reversed(installed))
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(folder),
            "fsync": "on" if durable else "off",
            "max_connections": "60",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [server, "-D", data, *options]
        super().__init__("postgres", command, folder, {"LC_ALL": "C.UTF-8"}, user)
        create: list[str | Path] = [
            initdb,
            "-D",
            data,
            "-U",
            "postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        ]
        self._initdb = ManagedProcess("initdb", create, folder, {"LC_ALL": "C.UTF-8"}, user)

    def start(self) -> Self:
        """Make the cluster at the first start, run it and wait until it answers queries."""
        if not (self.folder / "data").exists():
            self._initdb.launch()
            self._initdb.wait_for(lambda: self._initdb.returncode == 0, "the cluster was made")
        return super().start()

    def ready(self) -> bool:
        """Tell whether the server answers queries."""
        try:
            self.run("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def freeze(self) -> None:
        """Stop the server and every process of it (SIGSTOP): connections stay open, new ones begin, none answers."""
        # Each backend leads a session of its own, so that a signal to the server's group would not reach it.
        os.kill(self.pid, signal.SIGSTOP)
        for child in self._children():
            os.kill(child, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        for pid in (*self._children(), self.pid):
            os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """End the server and every process of it at once by SIGKILL."""
        # Backends that outlive the server would keep its shared memory, and the next start would be refused.
        children = self._children() if self.running else []
        super().kill()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def own(self, folder: Path) -> None:
        """Give a folder to the user that the server runs as."""
        if self._owner:
            shutil.chown(folder, self._owner, self._owner)

    def _children(self) -> list[int]:
        return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()]

    def run(self, *statements: str) -> None:
        """Run statements, each in its own transaction, in the database postgres."""
        with psycopg.connect(self.dsn("postgres"), autocommit=True, connect_timeout=5) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def dsn(self, database: str) -> str:
        """Return the libpq address of a database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def url(self, database: str) -> str:
        """Return the SQLAlchemy address of a database, through psycopg 3."""
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        shutil.rmtree(self.folder, ignore_errors=True)


def find_camera() -> None:
    """Raise PeerMissingError when the system's Python cannot run the RTSP camera."""
    try:
        subprocess.run([SYSTEM_PYTHON, CAMERA, "--help"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        packages = "python3-gi, gir1.2-gst-rtsp-server-1.0"
        raise PeerMissingError(
            f"the RTSP camera needs the Debian packages {packages} (scripts/setup --tests)"
        ) from error


class RtspCamera(ManagedProcess):
    """An RTSP server that loops H.264 files; `mounts` maps a camera's name to its file and frames per second."""

    def __init__(
        self,
        folder: Path,
        mounts: dict[str, tuple[Path, int]],
        login: tuple[str, str] | None = None,
        port: int | None = None,
    ) -> None:
        find_camera()
        self.port = port or free_port()
        self.login = login
        words: Sequence[str] = ["--login", ":".join(login)] if login else []
        cameras = [f"{name}={file}@{fps}" for name, (file, fps) in mounts.items()]
        command: list[str | Path] = [SYSTEM_PYTHON, CAMERA, "--port", str(self.port), *words, *cameras]
        super().__init__("rtsp_camera", command, folder)

    def ready(self) -> bool:
        """Tell whether the server accepts connections."""
        return listens(self.port)

    def url(self, name: str) -> str:
        """Return the address of a camera, with its login when there is one."""
        login = f"{self.login[0]}:{self.login[1]}@" if self.login else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/{name}"
