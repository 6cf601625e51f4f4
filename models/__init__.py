"""The weights: what they are, where they may be found, and the proof that a file is the one that was meant."""
