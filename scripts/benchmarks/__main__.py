"""The command `scripts/bench NAME`: finds the benchmark, runs it, prints its table and writes its JSON."""

import argparse
import importlib
import json
import sys
from pathlib import Path

NAMES = ("detect", "drain", "edge", "growth", "ingest", "latency", "outbox", "soak")


def main() -> int:
    """Run the benchmark that the command line names."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Benchmarks of Tianrui.")
    names = parser.add_subparsers(dest="name", required=True)
    for name in NAMES:
        module = importlib.import_module(f"scripts.benchmarks.{name}")
        command = names.add_parser(name, help=(module.__doc__ or "").strip().splitlines()[0])
        command.add_argument("--json", type=Path, help="also write the figures to this file")
        module.add_arguments(command)
    arguments = parser.parse_args()
    figures = importlib.import_module(f"scripts.benchmarks.{arguments.name}").run(arguments)
    for name, value in figures.items():
        print(f"{name:<40} {value}")
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
