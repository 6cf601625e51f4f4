"""The frozen samples of the wire: `<message>.<case>.json`, and `refused/<message>.<case>.<reason>.json`."""

from pathlib import Path

from mqtt.answers import Ack, Command, Desired, HubState
from mqtt.envelope import Envelope
from mqtt.fields import WireModel
from tests.lab.peers import ROOT

GOLDEN = ROOT / "mqtt" / "golden"
SAMPLES = sorted(GOLDEN.glob("*.json"))
REFUSED = sorted((GOLDEN / "refused").glob("*.json"))
DOWNWARD: dict[str, type[WireModel]] = {"ack": Ack, "hub-state": HubState, "command": Command, "desired": Desired}


def model_of(path: Path) -> type[WireModel]:
    """The type that a sample is read as; whatever is not of the hub travels in an envelope."""
    return DOWNWARD.get(path.name.split(".")[0], Envelope)
