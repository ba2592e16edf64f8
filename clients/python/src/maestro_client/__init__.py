"""Async, typed client of the MAESTRO software-quality platform.

    async with connect() as maestro:
        run = await maestro.run_tree("projects/local", ".")
        run = await maestro.wait_run(run.name)

`maestro_client.errors` has what calls raise, `.tree` project trees, `.watch` watches that outlive their connection,
`.paging` lists longer than a page, and `.transparency` the verification of audit proofs.
"""

from ._address import Endpoint, PlatformNotFound, default_state_directory, find_endpoint, read_endpoint
from ._channels import InsecureToken
from ._maestro import ASKED_FOR, Maestro, connect
from ._tls import Tls
from .errors import MaestroError

__all__ = [
    "ASKED_FOR",
    "Endpoint",
    "InsecureToken",
    "Maestro",
    "MaestroError",
    "PlatformNotFound",
    "Tls",
    "connect",
    "default_state_directory",
    "find_endpoint",
    "read_endpoint",
]
