"""Keeps a camera that fails again and again from filling the log."""

import logging

REPEAT_S = 60.0
MAX_TEXTS = 64


class QuietLog:
    """Writes a text once a minute at most, with the number of times that it was left out."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._written_s: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def write(self, level: int, text: str, now_s: float) -> None:
        """Write `text` unless it was written less than 60 s before monotonic `now_s`."""
        last_s = self._written_s.get(text)
        if last_s is not None and now_s - last_s < REPEAT_S:
            self._left_out[text] = self._left_out.get(text, 0) + 1
            return
        if len(self._written_s) >= MAX_TEXTS:
            self._written_s.clear()
            self._left_out.clear()
        self._written_s[text] = now_s
        more = self._left_out.pop(text, 0)
        self._logger.log(level, "%s%s", text, f" (and {more} times more since)" if more else "")
