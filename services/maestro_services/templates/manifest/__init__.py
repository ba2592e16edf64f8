"""Reads `maestro-template.yaml`; every fault is told with file, line, column and what was expected."""
