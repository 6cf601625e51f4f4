"""The hub: takes events from the boxes, keeps grid cases, and serves the command centre's pages."""
