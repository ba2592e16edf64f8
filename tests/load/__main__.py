"""`python -m tests.load [NAME…]`: runs the benchmarks and prints their figures; fails if one cannot be measured.

A missed goal is printed, not an error: a figure is worth more than a green light.
"""

import asyncio
import importlib
import platform
import sys
from pathlib import Path

BENCHMARKS = ("chain", "ingest", "start", "overhead")


def main() -> None:
    """Runs the named benchmarks, or all."""
    print(f"{platform.machine()}, {platform.python_implementation()} {platform.python_version()}")
    sys.path.insert(0, str(Path(__file__).parents[2]))
    for name in sys.argv[1:] or BENCHMARKS:
        module = importlib.import_module(f"tests.load.bench_{name}")
        for figure in asyncio.run(module.run()):
            print(figure, flush=True)


main()
