"""What keeps every event of a box on its disk until the hub has committed it."""
