"""Ingest: the one way in for what boxes send; a message is stored whole or refused, and only then answered."""
