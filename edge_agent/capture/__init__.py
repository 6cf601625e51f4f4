"""Frames of known time out of cameras and files, and a supervisor for each that never gives up."""
