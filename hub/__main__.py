"""The command `tianrui-hub`: run the hub, or do what an operator must be able to do without signing in."""

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from hub.auth.policy import Role
from hub.commands import add_user, migrate, provision_edge, reset_password, revoke_edge
from hub.errors import HubError, StartError
from hub.logs import set_up_logs
from hub.server import serve
from hub.settings import HubSettings, load_settings

BAD_START = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command: 0 it worked, 1 the hub failed while it ran, 2 it could not start, and stderr says why."""
    parsed = _parser().parse_args(arguments)
    set_up_logs()
    try:
        return int(parsed.command(load_settings(parsed.settings, **_flags(parsed)), parsed))
    except StartError as error:
        sys.stderr.write(f"tianrui-hub: {error}\n")
    except HubError as error:
        sys.stderr.write(f"tianrui-hub: {error.detail}\n")
    return BAD_START


def _flags(parsed: argparse.Namespace) -> dict[str, Any]:
    names = ("data_dir", "host", "port", "embedded_broker")
    return {name: getattr(parsed, name) for name in names if getattr(parsed, name, None) is not None}


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--settings", type=Path, metavar="FILE", help="a YAML file; TIANRUI_HUB_* variables override it"
    )
    common.add_argument("--data-dir", type=Path, metavar="FOLDER")
    common.add_argument("--embedded-broker", action="store_true", default=None, help="start an MQTT broker on loopback")
    parser = argparse.ArgumentParser(prog="tianrui-hub", description="The hub of Tianrui.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", parents=[common], help="serve until SIGTERM or Ctrl-C")
    run.add_argument("--host")
    run.add_argument("--port", type=int, help="0 takes a free one")
    run.add_argument("--ready-json", action="store_true", help="print one JSON line with url and one_time_password")
    run.set_defaults(command=_run)

    provision = commands.add_parser("provision-edge", parents=[common], help="make a box's token, or replace it")
    provision.add_argument("edge_id", metavar="EDGE_ID")
    provision.add_argument("--json", action="store_true", help="print one JSON line")
    provision.add_argument(
        "--token-file", type=Path, metavar="PATH", help="write the token there, mode 0600, not to stdout"
    )
    provision.set_defaults(command=_provision_edge)

    revoke = commands.add_parser("revoke-edge", parents=[common], help="make a box's token worth nothing")
    revoke.add_argument("edge_id", metavar="EDGE_ID")
    revoke.set_defaults(command=_revoke_edge)

    add = commands.add_parser("add-user", parents=[common], help="create a user with a one-time password")
    add.add_argument("username", metavar="USER")
    add.add_argument("--role", type=Role, choices=list(Role), required=True, help="what the user may do")
    add.add_argument(
        "--area", default="", metavar="PREFIX", help="how the grid codes begin that the user may see; without it all"
    )
    add.set_defaults(command=_add_user)

    reset = commands.add_parser("reset-password", parents=[common], help="give a user a new one-time password")
    reset.add_argument("username", metavar="USER")
    reset.set_defaults(command=_reset_password)

    tables = commands.add_parser("migrate", parents=[common], help="bring the database to the newest tables")
    tables.set_defaults(command=_migrate)
    return parser


def _run(settings: HubSettings, parsed: argparse.Namespace) -> int:
    def ready(url: str, one_time_password: str | None) -> None:
        if parsed.ready_json:
            _say(json.dumps({"url": url, "one_time_password": one_time_password}))
            return
        _say(f"Tianrui hub is ready: {url}")
        if one_time_password is not None:
            _say(f"Sign in as admin with the one-time password {one_time_password} (shown once)")

    return asyncio.run(serve(settings, ready))


def _provision_edge(settings: HubSettings, parsed: argparse.Namespace) -> int:
    token = asyncio.run(provision_edge(settings, parsed.edge_id, parsed.token_file))
    shown = {"edge_id": parsed.edge_id}
    shown |= {"token_file": str(parsed.token_file)} if parsed.token_file else {"token": token.get_secret_value()}
    if parsed.json:
        _say(json.dumps(shown))
    else:
        _say("\n".join(f"{name}: {value}" for name, value in shown.items()))
    return 0


def _revoke_edge(settings: HubSettings, parsed: argparse.Namespace) -> int:
    asyncio.run(revoke_edge(settings, parsed.edge_id))
    _say(f"{parsed.edge_id} is revoked; a broker of your own still takes its password, remove it there")
    return 0


def _add_user(settings: HubSettings, parsed: argparse.Namespace) -> int:
    password = asyncio.run(add_user(settings, parsed.username, parsed.role, parsed.area))
    _say(f"one-time password for {parsed.username.lower()}: {password.get_secret_value()}")
    return 0


def _reset_password(settings: HubSettings, parsed: argparse.Namespace) -> int:
    password = asyncio.run(reset_password(settings, parsed.username))
    _say(f"one-time password for {parsed.username}: {password.get_secret_value()}")
    return 0


def _migrate(settings: HubSettings, parsed: argparse.Namespace) -> int:  # noqa: ARG001
    migrate(settings)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
