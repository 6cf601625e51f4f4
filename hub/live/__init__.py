"""Live: tells signed-in browsers what has just changed, so that they fetch it again."""
