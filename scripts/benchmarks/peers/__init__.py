"""The loops that the benchmark `edge` is compared with, each a program of its own."""
