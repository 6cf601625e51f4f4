"""Ops: what a supervisor and a monitoring system ask."""
