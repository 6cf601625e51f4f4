"""The configuration of a camera as types that refuse nonsense on construction; it opens no camera and draws nothing."""
