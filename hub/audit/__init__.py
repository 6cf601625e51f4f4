"""Audit: who did what to which thing, written in the same transaction as the deed."""
