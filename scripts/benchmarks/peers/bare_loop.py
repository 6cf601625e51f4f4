"""Only what cannot be left out: reads the cameras, decodes as many frames as the agent did, infers as often as it did.

No conversion, no letterbox, no reading of the output, no tracking, no judging.
"""

import argparse
import threading
import time

import av
import numpy as np

from edge_agent.detect.letterbox import input_size
from edge_agent.detect.openvino_backend import OpenVinoRuntime
from edge_agent.detect.options import InferenceOptions
from models.registry import find, search_path
from scripts.benchmarks.street import HEIGHT, WIDTH


def main() -> None:
    """Decode and infer until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inferences", type=float, required=True, help="a second, all cameras together")
    parser.add_argument("--full", type=float, required=True, help="share of the GOPs that are decoded whole")
    parser.add_argument("urls", nargs="+")
    arguments = parser.parse_args()
    for url in arguments.urls:
        threading.Thread(target=_decode, args=(url, arguments.full), daemon=True).start()
    model = find("yolo11n-int8", search_path())
    size = input_size(model.entry.input.side, WIDTH, HEIGHT)
    runtime = OpenVinoRuntime(model, size, InferenceOptions())
    tensor = np.random.default_rng(4).random((1, 3, size[1], size[0]), np.float32)
    runtime.infer(tensor)
    print("READY", flush=True)
    due_s = time.monotonic()
    while True:
        time.sleep(max(0.0, due_s - time.monotonic()))
        runtime.infer(tensor)
        due_s += 1 / max(arguments.inferences, 0.001)


def _decode(url: str, full: float) -> None:
    owed, whole = 0.0, False
    with av.open(url, options={"rtsp_transport": "tcp"}) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        for packet in container.demux(stream):
            if packet.is_keyframe:
                owed += full
                whole = owed >= 1.0
                owed -= whole
            if whole or packet.is_keyframe:
                packet.decode()


if __name__ == "__main__":
    main()
