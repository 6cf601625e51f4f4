"""The demo: embedded broker, hub and one agent on real video, started in order and stopped cleanly.

`scripts/demo` runs until Ctrl-C; `scripts/demo --until-case 180 --json` ends after the first case with one JSON line on
stdout. Everything that it tells a person goes to stderr.
"""

import argparse
import json
import secrets
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from models.errors import ModelError
from scripts.demo_site import PORT, DemoSite, start_demo_site
from scripts.footage import FootageError
from scripts.local_site import AgentProcess, SiteError
from scripts.processes import wait_until

SETTLE_S = 10.0


class DemoError(Exception):
    """The demo cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was asked for on the command line."""

    source: str | None
    until_case: float | None
    as_json: bool
    port: int | None


def say(text: str) -> None:
    """Tell the person at the terminal."""
    print(text, file=sys.stderr, flush=True)


def parse_arguments() -> Arguments:
    """Read the command line."""
    about = "Tianrui on one machine: broker, hub and one agent on real video."
    parser = argparse.ArgumentParser(prog="scripts/demo", description=about)
    parser.add_argument(
        "--source", help="a video file or an rtsp:// address (default: footage fetched at the first run)"
    )
    parser.add_argument(
        "--until-case", type=float, metavar="SECONDS", help="end after the first case; fail when none came in time"
    )
    parser.add_argument("--json", action="store_true", help="with --until-case: print one JSON line on stdout")
    parser.add_argument("--port", type=int, help=f"port of the pages (default: {PORT}, or a free one if it is taken)")
    given = parser.parse_args()
    if given.json and given.until_case is None:
        parser.error("--json goes with --until-case")
    return Arguments(given.source, given.until_case, given.json, given.port)


def first_case(site: DemoSite, limit_s: float) -> dict[str, Any]:
    """Sign in as a person would and wait for the first case.

    Raises:
        DemoError: none came in time.
    """
    with httpx.Client(base_url=site.hub.url, timeout=10.0) as client:
        session = client.post("/api/v1/session", json={"username": "admin", "password": site.password})
        client.headers["X-CSRF-Token"] = session.raise_for_status().json()["csrf_token"]
        change = {"current_password": site.password, "new_password": secrets.token_urlsafe(24)}
        client.put("/api/v1/session/password", json=change).raise_for_status()

        def ask() -> list[dict[str, Any]]:
            answer = client.get("/api/v1/cases", params={"limit": 1}).raise_for_status()
            items: list[dict[str, Any]] = answer.json()["items"]
            return items

        try:
            return site.agent.wait_for(ask, "the first case", limit_s)[0]
        except TimeoutError as error:
            raise DemoError(str(error)) from None


def settled_counts(agent: AgentProcess) -> dict[str, int]:
    """The outbox once all that was born is acknowledged; after some seconds, as it is."""
    deadline = time.monotonic() + SETTLE_S
    while (counts := agent.outbox())["acked"] < counts["born"] and time.monotonic() < deadline:
        time.sleep(0.2)
    return counts


def report(case: dict[str, Any], seconds: float, counts: dict[str, int], *, as_json: bool) -> None:
    """Say which case came, and how fast."""
    result = {
        "case_no": case["case_no"],
        "item": case["item_key"],
        "stage": case["stage"],
        "seconds_to_first_case": round(seconds, 1),
        "events_born": counts["born"],
        "events_acked": counts["acked"],
    }
    if as_json:
        print(json.dumps(result), flush=True)
    else:
        say(f"case {case['case_no']}: {case['item_zh']} ({case['item_en']}) after {seconds:.1f} s")


def show_address(site: DemoSite) -> None:
    """Tell the person where to look."""
    say(f"\n  page      {site.hub.url}\n  user      admin\n  password  {site.password}")
    say("            (one-time: the first sign-in asks for one of your own)\n\nCtrl-C stops everything.")


def run(arguments: Arguments) -> None:
    """Start everything, then wait for the first case or for Ctrl-C."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tianrui-demo-")))
        site = start_demo_site(stack, folder, arguments.source, arguments.port, say)
        started = time.monotonic()
        if arguments.until_case is not None:
            case = first_case(site, arguments.until_case)
            report(case, time.monotonic() - started, settled_counts(site.agent), as_json=arguments.as_json)
            return
        show_address(site)
        wait_until(lambda: not (site.agent.running and site.hub.running), "the end", float("inf"))
        ended = site.hub if site.agent.running else site.agent
        msg = f"the {ended.name} ended with {ended.returncode}:\n{ended.log()[-4000:]}"
        raise DemoError(msg)


def main() -> int:
    """Run the demo; 0 when it ended as asked, 1 with a reason otherwise."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        run(parse_arguments())
    except (DemoError, FootageError, ModelError, SiteError, RuntimeError, TimeoutError) as error:
        say(f"demo: {error}")
        return 1
    except httpx.HTTPError as error:
        say(f"demo: the hub did not answer as expected: {error}")
        return 1
    except KeyboardInterrupt:
        say("\nstopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
