"""`python -m maestro_cli`: the `maestro` command."""

from .main import main

main()
