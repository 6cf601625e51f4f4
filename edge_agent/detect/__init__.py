"""Things seen in single frames: newest frames in, boxes with classes and scores out."""
