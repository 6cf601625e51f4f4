"""Faults of every kind against real processes; each test first proves that its fault happened."""
