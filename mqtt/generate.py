"""Writes the JSON Schemas and the AsyncAPI document from the types: `python -m mqtt.generate [--check]`."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, create_model

from mqtt.answers import Ack, Command, Desired, HubState
from mqtt.envelope import CHANNEL_OF_KIND, Envelope
from mqtt.fields import WireModel
from mqtt.messages import FindingBody, ReadingBody, ReportedBody, ResultBody, ShedBody
from mqtt.states import BirthBody, DeathBody, HealthBody
from mqtt.topic import EDGE_ID_PATTERN, HUB_STATE, RETAINED, ROOT, UPWARD, Channel

FOLDER = Path(__file__).parent
COMMAND = "python -m mqtt.generate"
SCHEMA_FORMAT = "application/schema+json;version=draft-07"
BODIES: tuple[type[WireModel], ...] = (
    FindingBody,
    ReadingBody,
    ShedBody,
    BirthBody,
    HealthBody,
    DeathBody,
    ReportedBody,
    ResultBody,
)
DOWNWARD: dict[str, tuple[Channel, type[WireModel]]] = {
    "ack": (Channel.ACK, Ack),
    "desired": (Channel.DESIRED, Desired),
    "command": (Channel.COMMAND, Command),
}


def messages() -> dict[str, type[BaseModel]]:
    """Every message by name: the envelope with one kind of body each, and what the hub sends."""
    enveloped: dict[str, type[BaseModel]] = {}
    for body in BODIES:
        kind = body.model_fields["kind"].default
        enveloped[kind] = create_model(
            f"{kind.capitalize()}Message",
            __base__=Envelope,
            __doc__=body.__doc__,
            kind=(Literal[kind], kind),  # type: ignore[arg-type]
            body=(body, ...),
        )
    return {**enveloped, **{name: model for name, (_, model) in DOWNWARD.items()}, "hub-state": HubState}


def documents() -> dict[str, dict[str, Any]]:
    """Every generated file by its path under `mqtt/`."""
    made = messages()
    schemas = {
        f"schemas/{name}.json": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            **model.model_json_schema(),
        }
        for name, model in made.items()
    }
    return {**schemas, "asyncapi.json": asyncapi(made)}


def asyncapi(made: dict[str, type[BaseModel]]) -> dict[str, Any]:
    """The AsyncAPI 3.0 document, seen from the hub: it receives what boxes send and sends what boxes receive."""
    named = {channel: [kind for kind, used in CHANNEL_OF_KIND.items() if used is channel] for channel in UPWARD}
    named |= {channel: [name] for name, (channel, _) in DOWNWARD.items()}
    channels = {str(channel): _channel(channel, named[channel]) for channel in Channel}
    operations = {_verb(channel): _operation(channel, named[channel]) for channel in Channel}
    channels["hub-state"] = {
        "address": HUB_STATE,
        "messages": {"hub-state": {"$ref": "#/components/messages/hub-state"}},
    }
    operations["sendHubState"] = {
        "action": "send",
        "channel": {"$ref": "#/channels/hub-state"},
        "messages": [{"$ref": "#/channels/hub-state/messages/hub-state"}],
        "bindings": {"mqtt": {"qos": 1, "retain": True}},
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tianrui between boxes and hub",
            "version": "1.0.0",
            "description": "MQTT 5, QoS 1, at most 64 KiB a message. Seen from the hub. A PUBACK is no promise: "
            "only an ack of the hub settles an event.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": {
                name: {
                    "name": name,
                    "summary": (model.__doc__ or "").split("\n", 1)[0],
                    "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./schemas/{name}.json"}},
                }
                for name, model in made.items()
            }
        },
    }


def _channel(channel: Channel, names: list[str]) -> dict[str, Any]:
    return {
        "address": f"{ROOT}/{{edge_id}}/{channel}",
        "parameters": {"edge_id": {"description": f"The box, {EDGE_ID_PATTERN}"}},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _verb(channel: Channel) -> str:
    return f"{'receive' if channel in UPWARD else 'send'}{channel.capitalize()}"


def _operation(channel: Channel, names: list[str]) -> dict[str, Any]:
    return {
        "action": "receive" if channel in UPWARD else "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
        "bindings": {"mqtt": {"qos": 1, "retain": channel in RETAINED}},
    }


def drifted(folder: Path) -> list[str]:
    """What in `folder` is not as the types say: a line for each file that is missing, different or left over."""
    wanted = {name: render(document) for name, document in documents().items()}
    lines = []
    for name, text in wanted.items():
        path = folder / name
        if not path.is_file():
            lines.append(f"{name}: is missing")
        elif path.read_text(encoding="utf-8") != text:
            lines.append(f"{name}: differs from the types")
    left = (path for path in sorted((folder / "schemas").glob("*")) if f"schemas/{path.name}" not in wanted)
    return [*lines, *(f"schemas/{path.name}: belongs to no message" for path in left)]


def write(folder: Path) -> None:
    """Write every generated file and remove schemas that belong to no message."""
    wanted = documents()
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    for path in (folder / "schemas").glob("*.json"):
        if f"schemas/{path.name}" not in wanted:
            path.unlink()
    for name, document in wanted.items():
        (folder / name).write_text(render(document), encoding="utf-8")


def render(document: dict[str, Any]) -> str:
    """The text of a generated file: keys in the order of the types, two spaces, a newline at the end."""
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Write the files, or with `--check` say which differ and return 1."""
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a file is not up to date")
    given = parser.parse_args(arguments)
    if not given.check:
        write(folder)
        return 0
    lines = drifted(folder)
    for line in lines:
        sys.stderr.write(f"mqtt/{line}; run `{COMMAND}` and commit the result\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
