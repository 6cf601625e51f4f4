"""Ultralytics' own loop on a camera, with its defaults: decode all, detect all, track all."""

from ultralytics import YOLO

from scripts.benchmarks.peers.findings import Teller, Thing, read_arguments


def main() -> None:
    """Look until the process is ended."""
    arguments = read_arguments(__doc__)
    teller = Teller(arguments.zones)
    model = YOLO(arguments.model, task="detect")
    for result in model.track(source=arguments.url, stream=True, verbose=False):
        boxes = result.boxes
        teller.look(
            Thing(result.names[int(number)], tuple(box))
            for number, box in zip(boxes.cls.tolist(), boxes.xyxyn.tolist(), strict=True)
        )


if __name__ == "__main__":
    main()
