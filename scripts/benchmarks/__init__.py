"""Benchmarks: each prints a table and can write it as JSON; figures are for comparing within one run."""
