"""PyAV decodes every frame of a camera; five a second are detected on and tracked by `supervision.ByteTrack`."""

import threading
import time

import av
import supervision  # type: ignore[import-not-found]
from ultralytics import YOLO

from scripts.benchmarks.peers.findings import Teller, Thing, read_arguments

FPS = 5.0


class Newest:
    """Reads and decodes a camera in a thread and keeps the newest frame, so that a slow look adds no delay."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._frame: av.VideoFrame | None = None
        self._fresh = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def take(self) -> av.VideoFrame:
        """Wait for a frame that was not taken yet."""
        self._fresh.wait()
        self._fresh.clear()
        if self._frame is None:
            raise EOFError(f"{self._url} sent no picture")
        return self._frame

    def _run(self) -> None:
        with av.open(self._url, options={"rtsp_transport": "tcp"}) as container:
            container.streams.video[0].codec_context.thread_count = 1
            for frame in container.decode(video=0):
                self._frame = frame
                self._fresh.set()


def main() -> None:
    """Look until the process is ended."""
    arguments = read_arguments(__doc__)
    teller, newest = Teller(arguments.zones), Newest(arguments.url)
    model, tracker = YOLO(arguments.model, task="detect"), supervision.ByteTrack(frame_rate=FPS)
    due_s = time.monotonic()
    while True:
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s + 1 / FPS, time.monotonic())
        picture = newest.take().to_ndarray(format="bgr24")
        result = model.predict(picture, verbose=False)[0]
        tracks = tracker.update_with_detections(supervision.Detections.from_ultralytics(result))
        height, width = picture.shape[:2]
        scaled = tracks.xyxy / (width, height, width, height)
        names = tracks.data.get("class_name", ())
        teller.look(Thing(str(name), tuple(box)) for name, box in zip(names, scaled.tolist(), strict=True))


if __name__ == "__main__":
    main()
