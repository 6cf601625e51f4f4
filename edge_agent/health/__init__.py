"""What a box says of itself: the heartbeat to the hub and the figures on loopback."""
