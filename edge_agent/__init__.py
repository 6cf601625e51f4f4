"""The box at the camera site: from pixels to events on disk, and from disk to the hub."""
